import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connected, openStage, prompted, screenText, shell, shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

test('under StrictMode a terminal spends one token and opens one socket, however often it is rendered', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  for (let count = 0; count < 5; count += 1) await page.evaluate(() => window.render())
  await page.keyboard.type('echo once\n')
  await shows(page, /^once$/m)
  assert.deepEqual({ tokens: stage.front.tokens, upgrades: stage.front.upgrades }, { tokens: 1, upgrades: 1 })
  assert.deepEqual(stage.complaints, [])
})

test('a terminal that is taken away closes its socket, and comes back to the same screen', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type('echo still here\n')
  await shows(page, /^still here$/m)
  await page.evaluate(() => window.show(false))
  await waitFor('the socket to close', () => stage.front.open === 0)
  await page.evaluate(() => window.show(true))
  await connected(page)
  await shows(page, /^still here$/m)
  assert.equal(stage.front.upgrades, 2)
})

test('a page that is reloaded shows the same screen and goes on', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type('x=kept; echo before\n')
  await shows(page, /^before$/m)
  await page.reload()
  await connected(page)
  await shows(page, /^before$/m)
  await page.keyboard.type('echo $x\n')
  await shows(page, /^kept$/m)
})

test('a cut socket is replaced by itself: the screen stays, output goes on at the very byte, keys arrive once', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type(
    'stty -echo; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; read a; echo got $a\n',
  )
  await shows(page, 'line 100')
  for (let count = 2; count <= 4; count += 1) {
    stage.front.cut()
    await waitFor('a new socket', () => stage.front.upgrades === count)
    await connected(page)
  }
  await shows(page, 'line 2000')
  const numbers = (await screenText(page)).match(/^line \d+$/gm) ?? []
  const last = numbers.length
  assert.deepEqual(
    numbers.slice(-500),
    Array.from({ length: 500 }, (_, index) => `line ${2000 - 499 + index}`),
  )
  assert.ok(last >= 500)
  stage.front.up = false
  stage.front.cut()
  await page.getByText('Connection lost. Reconnecting…').waitFor()
  assert.match(await screenText(page), /line 2000/)
  await page.keyboard.type('typed while away\n')
  stage.front.up = true
  await connected(page)
  await shows(page, /^got typed while away$/m)
})

test('answers to queries are not typed again when a screen is replayed', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  await page.keyboard.type(
    "clear; printf '\\033[c\\033[6n\\033]11;?\\a\\033[>c\\033[?2004$p'; sleep 0.3; echo; echo asked\n",
  )
  await shows(page, /^asked$/m)
  await page.keyboard.type('\u0015clear; echo waiting; cat -v\n')
  await shows(page, /^waiting$/m)
  await page.reload()
  await connected(page)
  await shows(page, /^waiting$/m)
  await page.keyboard.type('only this\n')
  await shows(page, /^only this$/m)
  assert.doesNotMatch((await screenText(page)).split('waiting').at(-1) ?? '', /\^\[|rgb|;.*[Rc]/)
})

test('a browser that goes offline says so, and is back when the network is', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  await prompted(page)
  stage.front.up = false
  stage.front.cut()
  await page.context().setOffline(true)
  await page.getByText('You are offline.').waitFor()
  const away = stage.front.upgrades
  stage.front.up = true
  await page.context().setOffline(false)
  await connected(page)
  assert.ok(stage.front.upgrades > away)
  await page.keyboard.type('echo back\n')
  await shows(page, /^back$/m)
})

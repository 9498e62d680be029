import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connected, openStage, prompted, screenText, shell, shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

test('a second page sees the screen whole at the size of the first, and takes control and size over', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const first = await stage.open(`session=${id}`, { viewport: { width: 1000, height: 700 } })
  await prompted(first)
  await first.keyboard.type('echo from the first\n')
  await shows(first, /^from the first$/m)

  const second = await stage.open(`session=${id}`, { viewport: { width: 500, height: 400 } })
  await connected(second)
  await shows(second, /^from the first$/m)
  const size = (page: typeof first) => page.evaluate(() => window.terminal.size)
  assert.deepEqual(await size(second), await size(first))
  assert.equal(await second.evaluate(() => window.terminal.driver), false)
  await second.getByText('Another window types').waitFor()
  await first.getByText('2 connected').waitFor()
  const fits = await waitFor('the whole screen to be in sight', () =>
    second.evaluate(() => {
      const screen = document.querySelector('.xterm-screen')?.getBoundingClientRect()
      const box = document.querySelector('.cliscale-screen')?.getBoundingClientRect()
      if (screen === undefined || box === undefined) return false
      return screen.width <= box.width && screen.height <= box.height && screen.width > box.width / 2
    }),
  )
  assert.equal(fits, true)

  await second.keyboard.type('not for the shell')
  await first.keyboard.type('echo more\n')
  await shows(second, /^more$/m)
  assert.doesNotMatch(await screenText(first), /not for/)

  const before = await size(first)
  await second.getByRole('button', { name: 'Take control' }).click()
  await second.waitForFunction(() => window.terminal.driver)
  await first.waitForFunction(() => !window.terminal.driver)
  await waitFor('the size of the second page', async () => (await size(first)).columns < before.columns)
  await second.keyboard.type('echo from the second; stty size\n')
  const { rows, columns } = await size(second)
  await shows(first, /^from the second$/m)
  await shows(first, `${rows} ${columns}`)
  assert.deepEqual(await size(first), { rows, columns })
})

test('an observer sees everything, is told so, and has no way to type', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const driver = await stage.open(`session=${id}`)
  await prompted(driver)
  const observer = await stage.open(`session=${id}&role=observer`)
  await connected(observer)
  await observer.getByText('Watching', { exact: true }).waitFor()
  assert.equal(await observer.getByRole('button', { name: 'Take control' }).count(), 0)
  await observer.keyboard.type('x')
  await observer.evaluate(() => window.terminal.write('y').catch(() => undefined))
  await driver.keyboard.type('echo seen\n')
  await shows(observer, /^seen$/m)
  await shows(driver, /\$ echo seen$/m)
  assert.equal(await observer.evaluate(() => window.told.includes('error ROLE_REFUSED')), false)
})

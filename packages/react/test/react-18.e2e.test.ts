import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  connected,
  openStage,
  prompted,
  shell,
  shows,
  type StageOptions,
  STRICT_POLICY,
} from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

/** All that the player needs beyond the strictest policy. */
const POLICY = STRICT_POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'")

function react18(): StageOptions {
  const reactFolder = process.env.REACT_18_PATH
  if (reactFolder === undefined) throw new Error('REACT_18_PATH is not set; npm test sets it')
  return { reactFolder, policy: POLICY }
}

test('on React 18 a terminal opens one socket under StrictMode, is typed in, goes and comes back', async (t) => {
  const stage = await openStage(t, react18())
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open(`session=${id}`)
  assert.match(await page.evaluate(() => window.reactVersion), /^18\./)
  await prompted(page)
  await page.evaluate(() => window.render())
  await page.keyboard.type('echo on $((9 + 9))\n')
  await shows(page, /^on 18$/m)
  assert.deepEqual({ tokens: stage.front.tokens, upgrades: stage.front.upgrades }, { tokens: 1, upgrades: 1 })
  await page.evaluate(() => window.show(false))
  await waitFor('the socket to close', () => stage.front.open === 0)
  await page.evaluate(() => window.show(true))
  await connected(page)
  await shows(page, /^on 18$/m)
  assert.deepEqual(stage.complaints, [])
})

test('on React 18 a recording is played', async (t) => {
  const stage = await openStage(t, react18())
  const session = await stage.cliscale.sessions.create({
    command: 'sh',
    args: ['-c', 'echo kept for later'],
    recording: 'output',
  })
  await session.waitUntil('ended')
  const page = await stage.open(`recording=${session.id}`)
  await page.waitForSelector('.cliscale-player[data-state="ready"]')
  await waitFor('the last screen', async () =>
    (await page.locator('.ap-term-text').textContent())?.includes('kept for later'),
  )
  await page.evaluate(() => window.player?.play())
  await waitFor('the end', () => page.evaluate(() => window.told.includes('ended')))
  assert.deepEqual(stage.complaints, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openProfile } from './support/browser.ts'
import { buildPageOf } from './support/build-page.ts'
import { servePage } from './support/serve-page.ts'

test('the installed xterm is inside as its amendments take it', async (t) => {
  const address = await servePage(t, await buildPageOf('inside.ts'))
  const page = await (await openProfile(t)).newPage()
  await page.goto(address)
  await page.waitForFunction(() => 'insideProblems' in window)
  assert.deepEqual(await page.evaluate(() => window.insideProblems()), [])
})

test('the installed addon for WebGL is inside as its amendment takes it', async (t) => {
  const address = await servePage(t, await buildPageOf('inside.ts'))
  const page = await (await openProfile(t, {}, 'webgl')).newPage()
  await page.goto(address)
  await page.waitForFunction(() => 'addonProblems' in window)
  assert.deepEqual(await page.evaluate(() => window.addonProblems()), [])
})

test('the rules of its style sheet are those of the component', async (t) => {
  const address = await servePage(t, await buildPageOf('inside.ts'))
  const page = await (await openProfile(t)).newPage()
  await page.goto(address)
  await page.waitForFunction(() => 'missingStyles' in window)
  assert.deepEqual(await page.evaluate(() => window.missingStyles()), [])
})

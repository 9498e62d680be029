// Pages that are written from right to left.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openStage, shows } from './support/stage.ts'

const SHEET = [
  'abc - (1 + 2) = 3!',
  '\\033[7minverse\\033[0m ┌──┐ 漢字',
  '\\033[4munder\\033[0m a-b:',
  'end: ',
].join('\\n')
// Enough above for a scrollbar.
const PROGRAM = `stty -echo; seq 1 60; printf '${SHEET}'; read go`

async function pictureOf(page: Page): Promise<Buffer> {
  await page.evaluate(() => window.show(true))
  await shows(page, 'end:')
  await page.waitForSelector('.cliscale[data-state="connected"]')
  await page.waitForSelector('.xterm .scrollbar.vertical.invisible', { state: 'attached' })
  return await page.locator('.xterm-screen').screenshot({ animations: 'disabled' })
}

test('in a page from right to left the terminal is from left to right, its scrollbar at the right', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
  const page = await stage.open(`session=${id}&still&hidden`, { hasTouch: true, isMobile: true })
  await page.waitForFunction(() => 'show' in window)
  const plain = await pictureOf(page)
  for (const place of ['html', '.frame']) {
    await page.evaluate(() => window.show(false))
    await page.addStyleTag({ content: `${place} { direction: rtl }` })
    assert.ok((await pictureOf(page)).equals(plain), `It looks otherwise with ${place} from right to left`)
    const places = await page.evaluate(() => {
      const [bar, screen, input] = [
        '.xterm .scrollbar.vertical',
        '.cliscale-screen',
        '.xterm-helper-textarea',
      ].map((part) => document.querySelector(part)?.getBoundingClientRect())
      if (bar === undefined || screen === undefined || input === undefined)
        throw new Error('A part is missing.')
      return {
        fromRight: screen.right - bar.right,
        wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        input: input.left >= 0,
      }
    })
    const keys = page.locator('.cliscale-keys button')
    const lefts = await keys.evaluateAll((all) => all.map((key) => key.getBoundingClientRect().left))
    assert.equal(lefts.length, 8)
    assert.deepEqual(
      lefts,
      lefts.toSorted((one, other) => one - other),
      'The arrow keys are in another order',
    )
    assert.deepEqual(places, { fromRight: 0, wide: 0, input: true })
  }
})

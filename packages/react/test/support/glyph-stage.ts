import type { TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import type { Drawer, Font, SheetRow } from '../pages/glyphs.ts'
import { launchBrowser } from './browser.ts'
import { buildPageOf } from './build-page.ts'
import { servePage } from './serve-page.ts'

/** Width and height in CSS pixels; pictures are cut at its edges. */
const WINDOW = '1200,1200'

/** Opens the page of the tests of glyphs on a display of `dpr` device pixels per CSS pixel. */
export async function openGlyphPage(t: TestContext, dpr: number): Promise<Page> {
  const address = await servePage(t, await buildPageOf('glyphs.ts'))
  const browser = await launchBrowser('dom', [
    // A display that has them, and not the emulation of one, which lays out otherwise.
    `--force-device-scale-factor=${dpr}`,
    `--window-size=${WINDOW}`,
  ])
  t.after(() => browser.close())
  const page = await (await browser.newContext({ viewport: null })).newPage()
  await page.goto(address)
  await page.waitForFunction(() => 'drawSheet' in window)
  return page
}

/** Draws the sheet in each of the ways and keeps the pictures in the page. */
export async function drawSheet(
  page: Page,
  drawers: readonly Drawer[],
  font: Font,
  sheet: readonly SheetRow[],
): Promise<void> {
  for (const drawer of drawers) {
    await page.evaluate(([one, f, rows]) => window.drawSheet(one, f, rows), [drawer, font, sheet] as const)
    const png = await page.locator('.xterm-screen').screenshot({ animations: 'disabled' })
    await page.evaluate(([one, data]) => window.keepPicture(one, data), [
      drawer,
      png.toString('base64'),
    ] as const)
  }
}

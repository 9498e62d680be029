// The ratio of device pixels to CSS pixels changes while the terminal runs: another screen, or the browser's zoom.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openZoomed } from './support/browser.ts'
import { type Look, lookOf } from './support/look.ts'
import { openStage, shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'
import { inFull } from './support/in-full.ts'

const LINES = ['abcdefghijklmnopqrstuvwxyz0123456789', '┌──┬──┐ ▀▄█ ÅÉg_ \\033[1mÅÉg_│\\033[0m', '└──┴──┘']
/** Draws it all anew, with the size that it is told, when Enter is pressed. */
const PROGRAM = `stty -echo; draw() { printf '\\033[H\\033[2J\\033[3J${LINES.join('\\n')}\\n'; stty size; echo end; }; draw; while read go; do draw; done`

/** Does not follow the window, so that nothing but the ratio changes for the terminal. */
const FRAME = '.frame { width: 600px; height: 380px }'

/** Shows the terminal in a new page of this tab, in its frame. */
async function show(page: Page, kind: string): Promise<void> {
  await page.waitForFunction(() => 'show' in window)
  await page.addStyleTag({ content: FRAME })
  await page.evaluate(() => window.show(true))
  await shows(page, /^end$/m)
  await page.waitForSelector(`.cliscale[data-renderer="${kind}"]`)
}

/** Columns and rows that have room beside and below the screen; less than one of each is left when it fits. */
async function roomOf(page: Page): Promise<{ readonly columns: number; readonly rows: number }> {
  return await page.evaluate(() => {
    const [screen, held] = ['.xterm-screen', '.cliscale-screen'].map((part) =>
      document.querySelector(part)?.getBoundingClientRect(),
    )
    if (screen === undefined || held === undefined) throw new Error('There is no screen.')
    const { columns, rows } = window.terminal.size
    const scrollbar = 14
    return {
      columns: (held.width - scrollbar - screen.width) / (screen.width / columns),
      rows: (held.height - screen.height) / (screen.height / rows),
    }
  })
}

/** Pixels of the canvas for each pixel of the display that it covers; `null` without WebGL. */
async function sharpness(page: Page): Promise<number | null> {
  return await page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.xterm-screen > canvas:not(.xterm-link-layer)')
    return canvas && canvas.width / (canvas.getBoundingClientRect().width * devicePixelRatio)
  })
}

/** The middle of a cell of the first row, counted from 1, and a share of a cell further right. */
async function cellAt(page: Page, column: number, further: number): Promise<readonly [number, number]> {
  return await page.evaluate((at) => {
    const box = document.querySelector('.xterm-screen')?.getBoundingClientRect()
    if (box === undefined) throw new Error('There is no screen.')
    const { columns, rows } = window.terminal.size
    return [box.left + ((at - 0.5) * box.width) / columns, box.top + box.height / rows / 2] as const
  }, column + further)
}

async function select(page: Page, from: number, to: number): Promise<string> {
  await page.mouse.move(...(await cellAt(page, from, -0.2)))
  await page.mouse.down()
  await page.mouse.move(...(await cellAt(page, to, 0.2)), { steps: 4 })
  await page.mouse.up()
  await page.keyboard.press('Control+Shift+C')
  const copied = await page.evaluate(() => navigator.clipboard.readText())
  await page.mouse.click(...(await cellAt(page, 60, 0)))
  return copied
}

/** What is to be seen when the program has drawn it all anew. */
async function redrawn(page: Page): Promise<Look> {
  const { columns, rows } = await page.evaluate(() => window.terminal.size)
  await page.locator('.xterm-helper-textarea').press('Enter')
  await shows(page, new RegExp(`^${rows} ${columns}\\nend$`, 'm'))
  return await lookOf(page)
}

const RATIOS = [1.25, 1.5, 2, 1]

for (const kind of (['webgl', 'dom'] as const).slice(0, inFull(2, 1))) {
  test(`when the ratio changes, a terminal drawn with ${kind} fits and looks as one that was opened with it`, async (t) => {
    const stage = await openStage(t)
    const { id } = await stage.cliscale.sessions.create({ command: 'bash', args: ['-c', PROGRAM] })
    const { profile, setZoom } = await openZoomed(t, kind, '1400,1000')
    const page = await profile.newPage()
    await page.goto(`${stage.front.origin}/?session=${id}&hidden&still&font-size=13&renderer=${kind}`)
    const opened = new Map<number, Look>()
    for (const ratio of RATIOS) {
      await setZoom(ratio)
      await page.reload()
      await show(page, kind)
      opened.set(ratio, await redrawn(page))
    }
    for (const ratio of RATIOS) {
      const { columns, rows, picture } = opened.get(ratio) as Look
      await setZoom(ratio)
      await page.waitForFunction((wanted) => devicePixelRatio === wanted, ratio)
      await waitFor(`${columns}×${rows} cells at ${ratio}`, async () => {
        const size = await page.evaluate(() => window.terminal.size)
        return size.columns === columns && size.rows === rows
      })
      const room = await roomOf(page)
      assert.ok(room.columns >= 0 && room.columns < 1, `room for ${room.columns} columns is left`)
      assert.ok(room.rows >= 0 && room.rows < 1, `room for ${room.rows} rows is left`)
      assert.equal(await select(page, 11, 30), 'klmnopqrstuvwxyz0123')
      await waitFor(`the same picture at ${ratio}`, async () => (await redrawn(page)).picture === picture)
      const pixels = (await sharpness(page)) ?? 1
      assert.ok(Math.abs(pixels - 1) < 0.002, `${pixels} pixels of the canvas for one of the display`)
    }
  })
}

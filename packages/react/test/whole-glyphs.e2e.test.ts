import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SheetRow } from './pages/glyphs.ts'
import { drawSheet, openGlyphPage } from './support/glyph-stage.ts'

const COLUMNS = 100
const ASCII = String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 0x21 + index))
const LATIN = String.fromCharCode(...Array.from({ length: 64 }, (_, index) => 0xc0 + index))
const SCRIPTS = 'ĄČĘŁŐŰȘ e\u0301 a\u030A o\u0308 ñ Ж Щ Ω ξ 日本語 中文 한국어 かな カナ ｆｕｌｌ'
const EMOJI = '👍 ❤️ ✔️ 👩‍💻 🇪🇺 🎉 ✅'

/** A row of text, and what may be otherwise than in xterm rows that cut nothing, in lines of pixels. */
interface TextRow extends SheetRow {
  /** It has a background of its own, which ends with the cell: nothing can be seen beyond. */
  readonly filled?: boolean
  readonly mayDiffer?: number
  readonly mayLose?: number
}

const TEXT: readonly TextRow[] = [
  { name: 'regular', style: '', text: ASCII },
  { name: 'bold', style: '1', text: ASCII },
  { name: 'italic', style: '3', text: ASCII },
  { name: 'bold italic', style: '1;3', text: ASCII },
  { name: 'dim', style: '2', text: ASCII },
  // At 1.5 xterm's high rows do not begin at whole pixels, which moves the line, not the letters, by one.
  { name: 'underlined', style: '4', text: ASCII, mayDiffer: 2 },
  { name: 'inverse', style: '7', text: ASCII.padEnd(COLUMNS), filled: true },
  // At 12 px a bold underscore has two lines of pixels; with a cell higher by one, boxes would have gaps.
  { name: 'inverse bold', style: '7;1', text: ASCII.padEnd(COLUMNS), filled: true, mayLose: 1 },
  { name: 'accents', style: '', text: LATIN },
  { name: 'bold accents', style: '1', text: LATIN },
  { name: 'scripts', style: '', text: SCRIPTS },
  { name: 'emoji', style: '', text: EMOJI },
  // Two accents on a capital: how far a row reaches out has a bound.
  { name: 'piled accents', style: '', text: 'ẾỖǺ', mayLose: 4 },
]

const DOWN = '│┃║┼╋╬├┤█▌▐'
const ACROSS = '──━━══┼╋╬███▄▄▀▀┬'
const LINES: readonly SheetRow[] = [
  { name: 'down', style: '', text: DOWN },
  { name: 'down', style: '', text: DOWN, joined: true },
  { name: 'down', style: '', text: DOWN, joined: true },
  { name: 'across', style: '', text: ACROSS },
]

const SHEET: readonly SheetRow[] = [...TEXT, ...LINES]

/** Rows of the terminal in which the parts of the sheet are; texts have an empty one between them. */
const rowOfText = (index: number): number => index * 2
const FIRST_DOWN = rowOfText(TEXT.length)
const LAST_DOWN = FIRST_DOWN + 2
const ACROSS_ROW = LAST_DOWN + 2

/** `''` is the component's own list; here it comes to DejaVu Sans Mono, whose underscore is at the very bottom. */
const FONTS = [
  ...[12, 13, 14, 15, 16].map((size) => ({ family: '', size })),
  ...[13, 14].map((size) => ({ family: '"Liberation Mono"', size })),
]

for (const dpr of [1, 1.5, 2]) {
  test(`at ${dpr} device pixels per CSS pixel characters are whole, on one baseline, and lines meet`, async (t) => {
    const page = await openGlyphPage(t, dpr)
    for (const font of FONTS) {
      const where = `${font.family} ${font.size} px`
      await drawSheet(page, ['screen', 'plain', 'roomy'], font, SHEET)

      const reach = Math.ceil((font.size * dpr) / 8)
      const rows = TEXT.map(({ filled }, index) => [rowOfText(index), filled === true ? 0 : reach] as const)
      const differences = await page.evaluate(
        ([all, cells]) => all.map(([row, beyond]) => window.differenceOf(row, cells, beyond)),
        [rows, ASCII.length] as const,
      )
      for (const [index, { name, mayDiffer = 0, mayLose = 0 }] of TEXT.entries()) {
        const { differing = Infinity, lost = Infinity } = differences[index] ?? {}
        assert.ok(differing <= mayDiffer, `${where}, ${name}: ${differing} lines of pixels are not xterm's`)
        assert.ok(lost <= mayLose, `${where}, ${name}: ${lost} lines of pixels are cut off`)
      }

      const ascii = TEXT.flatMap(({ text }, index) => (text.startsWith(ASCII) ? [rowOfText(index)] : []))
      const inks = await page.evaluate(
        ([all, cells]) => all.map((row) => window.inkOf('screen', row, cells)),
        [ascii, ASCII.length] as const,
      )
      for (const [index, ink] of inks.entries()) {
        const blank = ASCII.split('')
          .filter((_, cell) => ink[cell] !== true)
          .join('')
        assert.equal(blank, '', `${where}: nothing is to be seen of them in row ${ascii[index]}`)
      }

      const baselines = await page.evaluate(
        ([all, cell]) => all.map((row) => window.bottomOf('screen', row, cell)),
        [ascii.slice(0, 4), ASCII.indexOf('H')] as const,
      )
      assert.deepEqual(new Set(baselines).size, 1, `${where}: baselines are at ${baselines.join(', ')}`)

      const joins = await page.evaluate(
        ([from, to, across, cells, width]) =>
          (['screen', 'plain'] as const).map((drawer) => ({
            down: cells.map((cell) => window.joinOf(drawer, from, to, cell)),
            across: window.joinAcross(drawer, across, 0, width),
          })),
        [
          FIRST_DOWN,
          LAST_DOWN,
          ACROSS_ROW,
          DOWN.split('').map((_, cell) => cell),
          ACROSS.length - 1,
        ] as const,
      )
      const [screen, plain] = joins
      for (const [cell, character] of DOWN.split('').entries()) {
        const [ours = 0, theirs = 0] = [screen?.down[cell], plain?.down[cell]]
        assert.ok(
          ours >= theirs - 0.01,
          `${where}: ${character} is ${ours} of itself where it meets, xterm's ${theirs}`,
        )
      }
      assert.ok((screen?.across ?? 0) >= (plain?.across ?? 1) - 0.01, `${where}: lines across have gaps`)
    }
  })
}

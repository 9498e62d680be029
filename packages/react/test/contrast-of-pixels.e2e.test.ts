// Text is readable as it is seen, with either renderer: plain, dim, selected, and below the cursor.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { openStage, shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'
import { inFull } from './support/in-full.ts'

/** Colours as SGR has them: the default one, and the sixteen. */
const COLOURS = [39, ...Array.from({ length: 8 }, (_, index) => [30 + index, 90 + index]).flat()]
/** A character whose middle is of nothing but the colour of text. */
const SOLID = '■'
const LOOKS = { plain: '0', dim: '0;2', inverse: '0;7', 'dim inverse': '0;2;7' }
type Look = keyof typeof LOOKS

interface Cell {
  readonly look: Look
  readonly sgr: string
  /** From 0. */
  readonly row: number
  readonly column: number
}

/** Each look has columns of its own, each background a row; between two cells one is empty. */
const CELLS: readonly Cell[] = Object.entries(LOOKS).flatMap(([look, sgr], group) =>
  COLOURS.flatMap((behind, row) =>
    COLOURS.map((text, index) => ({
      look: look as Look,
      sgr: `${sgr};${text};${behind + 10}`,
      row,
      column: (group * COLOURS.length + index) * 2,
    })),
  ),
)
const SHEET = CELLS.map(
  ({ sgr, row, column }) => `\\033[${row + 1};${column + 1}H\\033[${sgr}m${SOLID}`,
).join('')

/** Cells that the cursor is put on. */
const UNDER = CELLS.filter(({ row, column }) => row % 8 === 0 && column % 22 === 0)
const STOPS = UNDER.map(({ row, column }) => `'${row + 1};${column + 1}'`).join(' ')
const PROGRAM = `stty -echo; printf '%b' "$SHEET\\033[0m"; printf '\\033[20;1Hend'; for at in ${STOPS}; do read go; printf '\\033[%sH' "$at"; done; read go`

type Colour = readonly [red: number, green: number, blue: number]

/** The colours of the middles and of the upper left corners of cells, as they are on the screen. */
async function coloursOf(page: Page, cells: readonly Cell[]): Promise<(readonly [Colour, Colour])[]> {
  const png = await page.locator('.xterm-screen').screenshot({ animations: 'disabled' })
  return await page.evaluate(
    async ([data, places]) => {
      const { columns, rows } = window.terminal.size
      const picture = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob())
      const canvas = new OffscreenCanvas(picture.width, picture.height)
      const context = canvas.getContext('2d', { willReadFrequently: true })
      context?.drawImage(picture, 0, 0)
      const [width, height] = [picture.width / columns, picture.height / rows]
      const at = (x: number, y: number): Colour =>
        Array.from(context?.getImageData(Math.floor(x), Math.floor(y), 1, 1).data ?? []) as never
      return places.map(
        ({ row, column }) =>
          [
            at((column + 0.5) * width, (row + 0.55) * height),
            at(column * width + 1, row * height + 1),
          ] as const,
      )
    },
    [png.toString('base64'), cells] as const,
  )
}

function contrast([one, other]: readonly [Colour, Colour]): number {
  const [low = 0, high = 0] = [one, other].map(luminance).sort((a, b) => a - b)
  return (high + 0.05) / (low + 0.05)
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((part) =>
    part <= 10 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Colours have whole parts, so a little less is as near as they come. */
const leastOf = (look: Look): number => (look.startsWith('dim') ? 2.95 : 4.45)

/** What is behind one cell, to be compared. */
async function behindOf(page: Page, cell: Cell): Promise<string> {
  const [found] = await coloursOf(page, [cell])
  return String(found?.[1])
}

async function poorOf(page: Page, cells: readonly Cell[]): Promise<string[]> {
  const colours = await coloursOf(page, cells)
  return cells.flatMap((cell, index) => {
    const [text, behind] = colours[index] ?? [
      [0, 0, 0],
      [0, 0, 0],
    ]
    const found = contrast([text, behind])
    return found < leastOf(cell.look)
      ? [`${cell.look} ${cell.sgr}: ${String(text)} on ${String(behind)}, ${found}`]
      : []
  })
}

/** With the mouse; it is done when what is behind the first cell has another colour. */
async function selectAll(page: Page): Promise<void> {
  const box = await page.locator('.xterm-screen').boundingBox()
  if (box === null) throw new Error('There is no screen.')
  const first = CELLS[0] as Cell
  const before = await behindOf(page, first)
  await page.mouse.move(box.x + 1, box.y + 2)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width - 2, box.y + box.height / 2, { steps: 3 })
  await page.mouse.up()
  await waitFor('the selection', async () => (await behindOf(page, first)) !== before)
}

/** Each renderer and each theme; in full, each with each. */
const DRAWN = [
  ['dom', 'dark'],
  ['webgl', 'light'],
  ['dom', 'light'],
  ['webgl', 'dark'],
] as const

for (const [kind, theme] of DRAWN.slice(0, inFull(4, 2))) {
  test(`drawn with ${kind} in the ${theme} theme text can be read whatever its look`, async (t) => {
    const stage = await openStage(t, { kind })
    const { id } = await stage.cliscale.sessions.create({
      command: 'bash',
      args: ['-c', PROGRAM],
      env: { SHEET },
    })
    const page = await stage.open(`session=${id}&still&no-keys&renderer=${kind}&${theme}`, {
      viewport: { width: 1400, height: 600 },
    })
    await shows(page, /^end/m)
    await page.waitForSelector(`.cliscale[data-renderer="${kind}"]`)
    await waitFor('the sheet', async () =>
      (await coloursOf(page, CELLS)).every(([a, b]) => String(a) !== String(b)),
    )
    assert.deepEqual(await poorOf(page, CELLS), [], 'not selected')
    await selectAll(page)
    assert.deepEqual(await poorOf(page, CELLS), [], 'selected')
    await page.locator('.xterm-screen').click({ position: { x: 700, y: 400 } })
    for (const cell of UNDER) {
      const before = await behindOf(page, cell)
      await page.keyboard.press('Enter')
      await waitFor(
        `the cursor at ${cell.row}, ${cell.column}`,
        async () => (await behindOf(page, cell)) !== before,
      )
      assert.deepEqual(await poorOf(page, [{ ...cell, look: 'plain' }]), [], `below the cursor: ${cell.sgr}`)
    }
  })
}

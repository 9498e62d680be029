// The page of the tests of glyphs: draws the same text with the component's screen and with plain xterm, and looks at the
// pixels. Pictures are taken by the test and given back to the page as PNG.
import '@cliscale/react/styles.css'
import '@xterm/xterm/css/xterm.css'
import { countCells } from '@cliscale/sdk/protocol'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { Terminal } from '@xterm/xterm'
import { Screen, type ScreenListener } from '../../src/core/screen.ts'
import { DEFAULT_LEAVE_KEY } from '../../src/core/shortcuts.ts'
import { DEFAULT_FONT, themes } from '../../src/core/themes.ts'

/** `screen`: as the component draws. `plain`: as xterm draws. `roomy`: as xterm draws in rows so high that they cut nothing. */
export type Drawer = 'screen' | 'plain' | 'roomy'

/** A row of the sheet. */
export interface SheetRow {
  readonly name: string
  /** SGR parameters. */
  readonly style: string
  readonly text: string
  /** Follows the row above at once; others have an empty row before them. */
  readonly joined?: boolean
}

export interface Font {
  /** Empty: the component's own. */
  readonly family: string
  /** CSS pixels. */
  readonly size: number
}

/** Where cells are on a picture, in device pixels. */
interface Grid {
  readonly cellWidth: number
  readonly cellHeight: number
}

interface Picture extends Grid {
  readonly image: ImageData
}

declare global {
  interface Window {
    /** Draws the sheet, in place of what was drawn before. */
    drawSheet: (drawer: Drawer, font: Font, sheet: readonly SheetRow[]) => Promise<void>
    /** Takes the picture of what is drawn. */
    keepPicture: (drawer: Drawer, png: string) => Promise<void>
    /** Whether each cell of a row has a pixel that is not of its background. */
    inkOf: (drawer: Drawer, row: number, cells: number) => boolean[]
    /** From the top of the row to the lowest pixel of a cell, in device pixels. */
    bottomOf: (drawer: Drawer, row: number, cell: number) => number
    /** See {@link differenceOf}. */
    differenceOf: (row: number, cells: number, reach: number) => Difference
    /** Of all pixel rows from one row's top to another's bottom: the least share of full light that a cell has. */
    joinOf: (drawer: Drawer, from: number, to: number, cell: number) => number
    /** The same of pixel columns. */
    joinAcross: (drawer: Drawer, row: number, from: number, to: number) => number
  }
}

/** How a row differs from the roomy one. */
export interface Difference {
  /** Lines of pixels that differ where the rows are laid on each other so that they differ least. */
  readonly differing: number
  /** Lines of the roomy row that lie outside and are not empty. */
  readonly lost: number
}

const COLUMNS = 100
const theme = themes.dark
const pictures = new Map<Drawer, Picture>()
let grid: Grid = { cellWidth: 0, cellHeight: 0 }
let drop: () => void = () => undefined

window.drawSheet = async (drawer, font, sheet) => {
  drop()
  const bytes = `\u001B[?25l${sheet.map(printed).join('\r\n')}`
  const rows = rowOf(sheet, sheet.length - 1) + 2
  const drawn =
    drawer === 'screen' ? drawScreen(font, rows) : drawPlain(font, rows, drawer === 'roomy' ? 2 : 1)
  drop = drawn.drop
  await new Promise<void>((resolve) => drawn.terminal.write(bytes, resolve))
  const last = sheet.at(-1)?.text.trim() ?? ''
  const drawnText = (): string => document.querySelector('.xterm-rows')?.textContent ?? ''
  while (!drawnText().includes(last)) await nextFrame()
  await nextFrame()
  const { css } = (
    drawn.terminal as unknown as {
      _core: { _renderService: { dimensions: { css: { cell: { width: number; height: number } } } } }
    }
  )._core._renderService.dimensions
  grid = { cellWidth: css.cell.width * devicePixelRatio, cellHeight: css.cell.height * devicePixelRatio }
}

function printed({ style, text, joined }: SheetRow, index: number): string {
  return `${index > 0 && joined !== true ? '\r\n' : ''}\u001B[${style}m${text}\u001B[0m`
}

/** The row of the terminal in which a row of the sheet is. */
function rowOf(sheet: readonly SheetRow[], index: number): number {
  return sheet.slice(1, index + 1).reduce((row, { joined }) => row + (joined === true ? 1 : 2), 0)
}

interface Drawn {
  readonly terminal: Terminal
  readonly drop: () => void
}

function drawScreen({ family, size }: Font, rows: number): Drawn {
  const root = document.createElement('div')
  root.className = 'cliscale'
  root.style.cssText = `width:${size * COLUMNS}px;height:${size * 2 * rows}px;--cliscale-padding:0`
  root.innerHTML = '<div class="cliscale-stage"><div class="cliscale-screen"></div></div>'
  document.body.append(root)
  const options = {
    theme,
    fontSize: size,
    fontFamily: family === '' ? DEFAULT_FONT : family,
    screenReaderMode: false,
    scrollback: 0,
    cursorBlink: false,
    renderer: 'dom',
    leaveKey: DEFAULT_LEAVE_KEY,
    input: true,
  } as const
  const nothing = (): void => undefined
  const listener = new Proxy({} as ScreenListener, { get: () => nothing })
  const container = root.querySelector<HTMLElement>('.cliscale-screen')
  if (container === null) throw new Error('The page has no screen.')
  const screen = new Screen(container, options, listener)
  screen.follow({ columns: COLUMNS, rows })
  return {
    terminal: screen.terminal,
    drop: () => {
      screen.dispose()
      root.remove()
    },
  }
}

function drawPlain({ family, size }: Font, rows: number, lineHeight: number): Drawn {
  const root = document.createElement('div')
  document.body.append(root)
  const terminal = new Terminal({
    theme,
    fontSize: size,
    fontFamily: family === '' ? DEFAULT_FONT : family,
    cols: COLUMNS,
    rows,
    lineHeight,
    allowProposedApi: true,
  })
  countCells(terminal, new Unicode11Addon())
  terminal.open(root)
  return {
    terminal,
    drop: () => {
      terminal.dispose()
      root.remove()
    },
  }
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))
}

window.keepPicture = async (drawer, png) => {
  const bytes = Uint8Array.from(atob(png), (character) => character.charCodeAt(0))
  const bitmap = await createImageBitmap(new Blob([bytes]))
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  if (context === null) throw new Error('The page has no canvas.')
  context.drawImage(bitmap, 0, 0)
  const image = context.getImageData(0, 0, bitmap.width, bitmap.height)
  pictures.set(drawer, { image, ...grid })
}

function pictureOf(drawer: Drawer): Picture {
  const picture = pictures.get(drawer)
  if (picture === undefined) throw new Error(`There is no picture of ${drawer}.`)
  return picture
}

/** Red, green and blue. */
function pixel({ data, width }: ImageData, x: number, y: number): number {
  const index = (y * width + x) * 4
  return ((data[index] ?? 0) << 16) | ((data[index + 1] ?? 0) << 8) | (data[index + 2] ?? 0)
}

function light(colour: number): number {
  return (colour >> 16) + ((colour >> 8) & 255) + (colour & 255)
}

function top({ cellHeight }: Grid, row: number): number {
  return Math.round(row * cellHeight)
}

function left({ cellWidth }: Grid, cell: number): number {
  return Math.round(cell * cellWidth)
}

/** What most pixels of a row's cells are: with this many cells more is background than ink. */
function background({ image, ...of }: Picture, row: number, cells: number): number {
  const counts = new Map<number, number>()
  for (let y = top(of, row); y < top(of, row + 1); y += 1) {
    for (let x = 0; x < left(of, cells); x += 1) {
      const colour = pixel(image, x, y)
      counts.set(colour, (counts.get(colour) ?? 0) + 1)
    }
  }
  return [...counts].reduce((most, next) => (next[1] > most[1] ? next : most))[0]
}

window.inkOf = (drawer, row, cells) => {
  const { image, ...of } = pictureOf(drawer)
  const behind = light(background({ image, ...of }, row, cells))
  return Array.from({ length: cells }, (_, cell) => {
    for (let y = top(of, row); y < top(of, row + 1); y += 1) {
      for (let x = left(of, cell) + 1; x < left(of, cell + 1) - 1; x += 1) {
        if (Math.abs(light(pixel(image, x, y)) - behind) > 40) return true
      }
    }
    return false
  })
}

window.bottomOf = (drawer, row, cell) => {
  const { image, ...of } = pictureOf(drawer)
  const behind = light(background({ image, ...of }, row, COLUMNS))
  for (let y = top(of, row + 1) - 1; y >= top(of, row); y -= 1) {
    for (let x = left(of, cell); x < left(of, cell + 1); x += 1) {
      if (Math.abs(light(pixel(image, x, y)) - behind) > 250) return y + 1 - top(of, row)
    }
  }
  return 0
}

/**
 * Lays a row of the screen, with `reach` pixels above and below it, on the roomy row: at the height where they differ
 * least.
 */
window.differenceOf = (row, cells, reach) => {
  const one = pictureOf('screen')
  const other = pictureOf('roomy')
  const width = left(one, cells)
  const mine = lines(one, top(one, row) - reach, top(one, row + 1) + reach, width)
  const whole = lines(other, top(other, row), top(other, row + 1), width)
  const empty = String(Array<number>(width).fill(background(other, row, cells)))
  let best: Difference = { differing: Infinity, lost: Infinity }
  for (let shift = 0; shift + mine.length <= whole.length; shift += 1) {
    const differing = mine.filter((line, y) => line !== whole[y + shift]).length
    const lost = whole.filter((line, y) => (y < shift || y >= shift + mine.length) && line !== empty).length
    if (differing + lost < best.differing + best.lost) best = { differing, lost }
  }
  return best
}

/** Each line of pixels as a text. */
function lines({ image }: Picture, from: number, to: number, width: number): string[] {
  const start = Math.max(0, from)
  return Array.from({ length: to - start }, (_, y) =>
    String(Array.from({ length: width }, (__, x) => pixel(image, x, start + y))),
  )
}

window.joinOf = (drawer, from, to, cell) => {
  const { image, ...of } = pictureOf(drawer)
  const lights = Array.from({ length: top(of, to + 1) - top(of, from) }, (_, y) => {
    let most = 0
    for (let x = left(of, cell); x < left(of, cell + 1); x += 1) {
      most = Math.max(most, light(pixel(image, x, top(of, from) + y)))
    }
    return most
  })
  return shareOf(lights)
}

window.joinAcross = (drawer, row, from, to) => {
  const { image, ...of } = pictureOf(drawer)
  const lights = Array.from({ length: left(of, to + 1) - left(of, from) }, (_, x) => {
    let most = 0
    for (let y = top(of, row); y < top(of, row + 1); y += 1) {
      most = Math.max(most, light(pixel(image, left(of, from) + x, y)))
    }
    return most
  })
  return shareOf(lights)
}

/** The least of them over nothing, as a share of the most of them over nothing. */
function shareOf(lights: readonly number[]): number {
  const nothing = light(Number.parseInt((theme.background ?? '').slice(1), 16))
  return (Math.min(...lights) - nothing) / (Math.max(...lights) - nothing)
}

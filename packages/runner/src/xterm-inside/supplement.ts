import type { IBuffer, Terminal } from '@xterm/headless'

import { sgr } from './rendition.ts'
import type { Buffer, Cell, Charset, Core } from './core.ts'

/** Tab stops and scroll region of a buffer. They move the cursor. */
export function regions(core: Core, buffer: Buffer): string {
  return tabStops(buffer, core._bufferService.cols) + scrollRegion(buffer, core._bufferService.rows)
}

/** Puts the cursor where the buffer saved it, and saves it. `rows` shows what the buffer's cells hold. */
export function savedCursor(core: Core, buffer: Buffer, rows: IBuffer): string {
  const at = { x: buffer.savedX, y: Math.max(0, buffer.savedY - buffer.ybase) }
  return `${place(core, at, rows)}${sgr(buffer.savedCurAttrData)}\x1b7`
}

/** Everything about a terminal but what its cells hold, to be sent after the rows: the cursor, then the modes. */
export function supplement(core: Core, terminal: Terminal): string {
  const buffer = core.buffers.active
  const origin = terminal.modes.originMode
  return [
    regions(core, buffer),
    savedCursor(core, buffer, terminal.buffer.active),
    origin ? '\x1b[?6h' : '',
    cursor(core, terminal),
    charsets(core._charsetService._charsets, core._charsetService.glevel),
    modes(terminal),
    appearance(core),
  ].join('')
}

function tabStops(buffer: Buffer, cols: number): string {
  const stops = Object.keys(buffer.tabs)
    .map(Number)
    .filter((column) => column < cols && buffer.tabs[column] === true)
  const usual = stops.length === Math.ceil(cols / 8) && stops.every((column) => column % 8 === 0)
  return usual ? '' : `\x1b[3g${stops.map((column) => `\x1b[${column + 1}G\x1bH`).join('')}`
}

function scrollRegion(buffer: Buffer, rows: number): string {
  if (buffer.scrollTop === 0 && buffer.scrollBottom === rows - 1) return ''
  return `\x1b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r`
}

interface Place {
  readonly x: number
  readonly y: number
}

/**
 * Moves the cursor.
 *
 * @param top first row of the region in which rows are counted
 */
function place(core: Core, { x, y }: Place, rows: IBuffer, top = 0): string {
  const last = core._bufferService.cols - 1
  if (x <= last) return moveTo(x, y - top)
  // The cursor comes to stand past the last column only by writing there, so the last cell is written again.
  const line = rows.getLine(rows.baseY + y)
  const cell = line?.getCell(last) as Cell | undefined
  if (cell === undefined) return moveTo(last, y - top)
  // The right half of a wide character has no width: the left half is written.
  const left = cell.getWidth() === 0 ? (line?.getCell(last - 1) as Cell | undefined) : undefined
  if (left !== undefined) return moveTo(last - 1, y - top) + sgr(left) + left.getChars()
  return moveTo(last, y - top) + sgr(cell) + (cell.getChars() === '' ? ' ' : cell.getChars())
}

function moveTo(x: number, y: number): string {
  return `\x1b[${y + 1};${x + 1}H`
}

function cursor(core: Core, terminal: Terminal): string {
  const buffer = core.buffers.active
  const top = terminal.modes.originMode ? buffer.scrollTop : 0
  return place(core, buffer, terminal.buffer.active, top) + sgr(core._inputHandler._curAttrData)
}

const DESIGNATORS = ['(', ')', '*', '+']
const SHIFTS = ['', '\x0e', '\x1bn', '\x1bo']

/** Only DEC's line drawing and the British set are told apart; other national sets are not used by programs of today. */
function charsets(sets: readonly Charset[], shift: number): string {
  const designated = DESIGNATORS.map((designator, level) => {
    const set = sets[level]
    if (set === undefined) return ''
    if (set.q === '─') return `\x1b${designator}0`
    return set['#'] === '£' && set.q === undefined ? `\x1b${designator}A` : ''
  })
  return designated.join('') + (SHIFTS[shift] ?? '')
}

const MOUSE_MODES = {
  none: '',
  x10: '\x1b[?9h',
  vt200: '\x1b[?1000h',
  drag: '\x1b[?1002h',
  any: '\x1b[?1003h',
}

/** Synchronized output (2026) is left out: it lasts for one picture, and a client that began in it would not draw. */
function modes({ modes }: Terminal): string {
  return [
    modes.applicationCursorKeysMode ? '\x1b[?1h' : '',
    modes.applicationKeypadMode ? '\x1b=' : '',
    modes.bracketedPasteMode ? '\x1b[?2004h' : '',
    modes.insertMode ? '\x1b[4h' : '',
    modes.reverseWraparoundMode ? '\x1b[?45h' : '',
    modes.sendFocusMode ? '\x1b[?1004h' : '',
    modes.wraparoundMode ? '' : '\x1b[?7l',
    MOUSE_MODES[modes.mouseTrackingMode],
  ].join('')
}

const MOUSE_ENCODINGS: Readonly<Record<string, string>> = { SGR: '\x1b[?1006h', SGR_PIXELS: '\x1b[?1016h' }
const CURSOR_STYLES = { block: 1, underline: 3, bar: 5 } as const

// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g

function appearance(core: Core): string {
  const { cursorStyle, cursorBlink } = core.coreService.decPrivateModes
  const style = cursorStyle === undefined ? '' : CURSOR_STYLES[cursorStyle] + (cursorBlink === false ? 1 : 0)
  const title = core._inputHandler._windowTitle.replace(CONTROLS, '')
  return [
    MOUSE_ENCODINGS[core.coreMouseService.activeEncoding] ?? '',
    core.coreService.isCursorHidden ? '\x1b[?25l' : '',
    style === '' ? '' : `\x1b[${style} q`,
    title === '' ? '' : `\x1b]2;${title}\x1b\\`,
  ].join('')
}

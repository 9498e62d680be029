/**
 * State that `@xterm/addon-serialize` 0.14 leaves out, as the sequences that restore it: scroll region, tab stops, saved
 * cursor, character sets, mouse encoding, cursor visibility and style, title. There is no public way to read it, so this
 * is the one place that looks into `@xterm/headless` 6.0.0; the version is pinned, and a test compares whole screens.
 */

/** Attributes of a cell or of the cursor, as xterm.js keeps them. */
interface Attributes {
  isBold(): number
  isDim(): number
  isItalic(): number
  isUnderline(): number
  isBlink(): number
  isInverse(): number
  isInvisible(): number
  isStrikethrough(): number
  isOverline(): number
  isFgRGB(): boolean
  isBgRGB(): boolean
  isFgPalette(): boolean
  isBgPalette(): boolean
  getFgColor(): number
  getBgColor(): number
}

type Charset = Readonly<Record<string, string>> | undefined

interface CoreBuffer {
  readonly x: number
  readonly y: number
  readonly tabs: Readonly<Record<number, boolean>>
  readonly scrollTop: number
  readonly scrollBottom: number
  readonly savedX: number
  readonly savedY: number
  readonly ybase: number
  readonly savedCurAttrData: Attributes
}

/** The parts of xterm.js that are read. */
export interface Core {
  readonly _bufferService: { readonly cols: number; readonly rows: number }
  readonly buffers: { readonly active: CoreBuffer }
  readonly coreService: {
    readonly isCursorHidden: boolean
    readonly decPrivateModes: {
      readonly cursorStyle?: 'block' | 'underline' | 'bar'
      readonly cursorBlink?: boolean
      readonly origin: boolean
    }
  }
  readonly coreMouseService: { readonly activeEncoding: string }
  readonly _charsetService: { readonly glevel: number; readonly _charsets: readonly Charset[] }
  readonly _inputHandler: { readonly _windowTitle: string; readonly _curAttrData: Attributes }
}

/** The sequences to send after the serialized screen. */
export function supplement(core: Core): string {
  return cursorAndRegions(core) + charsets(core) + modes(core) + title(core)
}

/** Setting stops or regions moves the cursor, so it is put back last. */
function cursorAndRegions(core: Core): string {
  const buffer = core.buffers.active
  const { cols, rows } = core._bufferService
  const moving = tabStops(buffer, cols) + scrollRegion(buffer, rows)
  const saved = savedCursor(core, buffer)
  if (moving + saved === '' && !core.coreService.decPrivateModes.origin) return ''
  // A cursor past the last column can only be put back by saving it; the saved place is then given up.
  if (buffer.x >= cols && !core.coreService.decPrivateModes.origin) return `\x1b7${moving}\x1b8`
  return moving + saved + place(core, buffer.x, buffer.y) + sgr(core._inputHandler._curAttrData)
}

function tabStops(buffer: CoreBuffer, cols: number): string {
  const stops = Object.keys(buffer.tabs)
    .map(Number)
    .filter((column) => column < cols && buffer.tabs[column] === true)
  const usual = stops.length === Math.ceil(cols / 8) && stops.every((column) => column % 8 === 0)
  return usual ? '' : `\x1b[3g${stops.map((column) => `\x1b[${column + 1}G\x1bH`).join('')}`
}

function scrollRegion(buffer: CoreBuffer, rows: number): string {
  if (buffer.scrollTop === 0 && buffer.scrollBottom === rows - 1) return ''
  return `\x1b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r`
}

function savedCursor(core: Core, buffer: CoreBuffer): string {
  const row = Math.max(0, buffer.savedY - buffer.ybase)
  const attributes = sgr(buffer.savedCurAttrData)
  if (buffer.savedX === 0 && row === 0 && attributes === '\x1b[0m') return ''
  return `${place(core, buffer.savedX, row)}${attributes}\x1b7`
}

function place(core: Core, x: number, y: number): string {
  const top = core.coreService.decPrivateModes.origin ? core.buffers.active.scrollTop : 0
  return `\x1b[${Math.max(0, y - top) + 1};${Math.min(x, core._bufferService.cols - 1) + 1}H`
}

const FLAGS: readonly (readonly [keyof Attributes, number])[] = [
  ['isBold', 1],
  ['isDim', 2],
  ['isItalic', 3],
  ['isUnderline', 4],
  ['isBlink', 5],
  ['isInverse', 7],
  ['isInvisible', 8],
  ['isStrikethrough', 9],
  ['isOverline', 53],
]

function sgr(attributes: Attributes): string {
  const set = FLAGS.filter(([name]) => Boolean(attributes[name]())).map(([, code]) => code)
  const foreground = color(38, attributes.getFgColor(), attributes.isFgRGB(), attributes.isFgPalette())
  const background = color(48, attributes.getBgColor(), attributes.isBgRGB(), attributes.isBgPalette())
  return `\x1b[${[0, ...set, ...foreground, ...background].join(';')}m`
}

function color(base: number, value: number, rgb: boolean, palette: boolean): readonly number[] {
  if (rgb) return [base, 2, (value >> 16) & 255, (value >> 8) & 255, value & 255]
  return palette ? [base, 5, value] : []
}

const DESIGNATORS = ['(', ')', '*', '+']
const SHIFTS = ['', '\x0e', '\x1bn', '\x1bo']

/** Only DEC's line drawing and the British set are told apart; other national sets are not used by programs of today. */
function charsets(core: Core): string {
  const { glevel, _charsets } = core._charsetService
  const designated = DESIGNATORS.map((designator, level) => {
    const set = _charsets[level]
    if (set === undefined) return ''
    return set.q === '─'
      ? `\x1b${designator}0`
      : set['#'] === '£' && set.q === undefined
        ? `\x1b${designator}A`
        : ''
  })
  return designated.join('') + (SHIFTS[glevel] ?? '')
}

const MOUSE_ENCODINGS: Readonly<Record<string, string>> = { SGR: '\x1b[?1006h', SGR_PIXELS: '\x1b[?1016h' }
const CURSOR_STYLES = { block: 1, underline: 3, bar: 5 } as const

function modes(core: Core): string {
  const { cursorStyle, cursorBlink } = core.coreService.decPrivateModes
  const style = cursorStyle === undefined ? '' : CURSOR_STYLES[cursorStyle] + (cursorBlink === false ? 1 : 0)
  return [
    MOUSE_ENCODINGS[core.coreMouseService.activeEncoding] ?? '',
    core.coreService.isCursorHidden ? '\x1b[?25l' : '',
    style === '' ? '' : `\x1b[${style} q`,
  ].join('')
}

// eslint-disable-next-line no-control-regex -- control characters are what is taken out
const CONTROLS = /[\x00-\x1f\x7f-\x9f]/g

function title(core: Core): string {
  const text = core._inputHandler._windowTitle.replace(CONTROLS, '')
  return text === '' ? '' : `\x1b]2;${text}\x1b\\`
}

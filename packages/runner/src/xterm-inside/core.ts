import type { IBufferCell, Terminal } from '@xterm/headless'

/**
 * The parts of `@xterm/headless` 6.0 that a snapshot and the memory of rows need and its public interface does not show.
 * These types are the only place that knows them; one test looks for each on the release that is installed, others compare
 * whole terminals.
 */

/** Attributes of a cell or of the cursor. */
export interface Attributes {
  /** Colour and flags, packed; equal numbers mean equal attributes. */
  readonly fg: number
  readonly bg: number
  readonly extended: { readonly ext: number; readonly urlId: number }
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
  getFgColorMode(): number
  getBgColorMode(): number
  /** 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed. */
  getUnderlineStyle(): number
  getUnderlineColor(): number
  isUnderlineColorRGB(): boolean
  isUnderlineColorPalette(): boolean
}

/** A cell, with its attributes. */
export type Cell = IBufferCell & Attributes

/** One row of a buffer. */
export interface Row {
  /** Three numbers for each cell. */
  _data: Uint32Array
  readonly _combined: Record<number, string>
  readonly _extendedAttrs: Record<number, unknown>
  length: number
  isWrapped: boolean
  setCell(x: number, cell: unknown): void
  clone: (this: Row) => Row
  /** True when much of its memory is unused. */
  resize: (this: Row, columns: number, fill: unknown) => boolean
  /** Gives unused memory back. Returns 1 when it did, else 0. */
  cleanupMemory: (this: Row) => number
}

/** One of the two screens. */
export interface Buffer {
  readonly lines: { readonly maxLength: number; get(index: number): Row | undefined }
  readonly x: number
  readonly y: number
  readonly ybase: number
  readonly tabs: Readonly<Record<number, boolean>>
  readonly scrollTop: number
  readonly scrollBottom: number
  readonly savedX: number
  readonly savedY: number
  readonly savedCurAttrData: Attributes
}

/** A character set: what stands for which key. Undefined is ASCII. */
export type Charset = Readonly<Record<string, string>> | undefined

/** Target of OSC 8 links, by the number that cells carry. */
export interface Links {
  getLinkData(urlId: number): { readonly id?: string; readonly uri: string } | undefined
}

/** The emulator itself. */
export interface Core {
  readonly _bufferService: {
    readonly cols: number
    readonly rows: number
    /** Makes a row at the bottom. */
    scroll(attributes: unknown, wrapped?: boolean): void
  }
  readonly buffers: { readonly active: Buffer; readonly normal: Buffer }
  readonly coreService: {
    readonly isCursorHidden: boolean
    readonly decPrivateModes: {
      readonly cursorStyle?: 'block' | 'underline' | 'bar'
      readonly cursorBlink?: boolean
    }
  }
  readonly coreMouseService: { readonly activeEncoding: string }
  readonly _charsetService: { readonly glevel: number; readonly _charsets: readonly Charset[] }
  readonly _oscLinkService: Links
  readonly _inputHandler: { readonly _windowTitle: string; readonly _curAttrData: Attributes }
}

/** The emulator inside of a terminal. */
export function coreOf(terminal: Terminal): Core {
  return (terminal as unknown as { readonly _core: Core })._core
}

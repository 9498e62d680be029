import type { IBuffer, IBufferCell, Terminal } from '@xterm/headless'

/** The parts of xterm.js that its public interface does not show. */
interface Inside {
  readonly _core: {
    readonly buffers: {
      readonly active: {
        readonly x: number
        readonly scrollTop: number
        readonly scrollBottom: number
        readonly savedX: number
        readonly savedY: number
        readonly ybase: number
        readonly tabs: Readonly<Record<number, boolean>>
      }
    }
    readonly coreService: { readonly isCursorHidden: boolean; readonly decPrivateModes: object }
    readonly coreMouseService: { readonly activeEncoding: string }
    readonly _charsetService: { readonly glevel: number; readonly charset: object | undefined }
    readonly _inputHandler: { readonly _windowTitle: string; readonly _curAttrData: IBufferCell }
  }
}

/**
 * Everything that a user sees of a terminal, and everything that decides how further output looks. Synchronized output
 * (2026) is not part of it: it decides when something is drawn, not what.
 *
 * @param wraps also which rows are the rest of a longer line; of the first row nobody can tell
 */
export function describeTerminal(terminal: Terminal, wraps: boolean): Readonly<Record<string, unknown>> {
  const core = (terminal as unknown as Inside)._core
  const active = core.buffers.active
  return {
    normal: describeBuffer(terminal.buffer.normal, terminal.cols, wraps),
    alternate:
      terminal.buffer.active.type === 'alternate' &&
      describeBuffer(terminal.buffer.alternate, terminal.cols, wraps),
    cursor: [active.x, terminal.buffer.active.cursorY],
    attributes: describeCell(core._inputHandler._curAttrData),
    saved: [active.savedX, Math.max(0, active.savedY - active.ybase)],
    region: [active.scrollTop, active.scrollBottom],
    tabs: Object.keys(active.tabs).filter(
      (column) => Number(column) < terminal.cols && active.tabs[Number(column)],
    ),
    modes: { ...terminal.modes, synchronizedOutputMode: undefined },
    private: { ...core.coreService.decPrivateModes, synchronizedOutput: undefined },
    hidden: core.coreService.isCursorHidden,
    mouse: core.coreMouseService.activeEncoding,
    shift: core._charsetService.glevel,
    charset: core._charsetService.charset === undefined ? '' : JSON.stringify(core._charsetService.charset),
    title: core._inputHandler._windowTitle,
  }
}

function describeBuffer(buffer: IBuffer, columns: number, wraps: boolean): unknown {
  const lines: string[] = []
  for (let y = 0; y < buffer.length; y++) {
    const line = buffer.getLine(y)
    let text = wraps && y > 0 && line?.isWrapped === true ? '+' : ''
    let last = ''
    for (let x = 0; x < columns; x++) {
      const cell = line?.getCell(x)
      if (cell === undefined || cell.getWidth() === 0) continue
      const attributes = describeCell(cell)
      text += (attributes === last ? '' : `<${attributes}>`) + (cell.getChars() || ' ')
      last = attributes
    }
    lines.push(text)
  }
  return { base: buffer.baseY, lines }
}

const FLAGS = [
  'Bold',
  'Dim',
  'Italic',
  'Underline',
  'Blink',
  'Inverse',
  'Invisible',
  'Strikethrough',
  'Overline',
] as const

function describeCell(cell: IBufferCell): string {
  const flags = FLAGS.filter((flag) => Boolean(cell[`is${flag}`]())).join()
  // An empty cell keeps no foreground that anyone could see, unless it is inverted.
  const visible = !('getChars' in cell) || cell.getChars().trim() !== '' || Boolean(cell.isInverse())
  const foreground = visible ? `${cell.getFgColorMode()}:${cell.getFgColor()}` : ''
  const line = cell as IBufferCell & {
    getUnderlineStyle(): number
    getUnderlineColor(): number
  } satisfies IBufferCell
  const underline =
    visible && cell.isUnderline() ? `${line.getUnderlineStyle()}:${line.getUnderlineColor()}` : ''
  return `${visible ? flags : ''} ${foreground} ${cell.getBgColorMode()}:${cell.getBgColor()} ${underline}`
}

/**
 * True when a row holds a cell of no width that is no half of a wide character: what xterm.js leaves when cells are
 * inserted between the halves of one. Nothing else makes such a cell, so a snapshot has a blank there.
 */
export function hasTornCharacter(terminal: Terminal): boolean {
  const { normal, alternate } = terminal.buffer
  return [normal, alternate].some((buffer) =>
    Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)).some((line) =>
      Array.from({ length: terminal.cols }, (_, x) => x).some(
        (x) => line?.getCell(x)?.getWidth() === 0 && line.getCell(x - 1)?.getWidth() !== 2,
      ),
    ),
  )
}

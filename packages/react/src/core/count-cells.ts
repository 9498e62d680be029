import { CELL_WIDTHS_VERSION, type CellWidths, withEmojiWidths } from '@cliscale/sdk/protocol'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import type { Terminal } from '@xterm/xterm'

/** The addon hands its widths to whatever registers them. */
export function countCells(terminal: Terminal): void {
  const { unicode } = terminal
  const register = (base: CellWidths): void => unicode.register(withEmojiWidths(base))
  new Unicode11Addon().activate({ unicode: { register } } as unknown as Terminal)
  unicode.activeVersion = CELL_WIDTHS_VERSION
}

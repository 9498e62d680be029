import { CELL_WIDTHS_VERSION, type CellWidths, withEmojiWidths } from '@cliscale/sdk/protocol'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import type headless from '@xterm/headless'

type Terminal = InstanceType<typeof headless.Terminal>

/** The addon hands its widths to whatever registers them. */
export function countCells(terminal: Terminal): void {
  const { unicode } = terminal
  const register = (base: CellWidths): void => unicode.register(withEmojiWidths(base))
  new Unicode11Addon().activate({ unicode: { register } } as unknown as Parameters<
    Unicode11Addon['activate']
  >[0])
  unicode.activeVersion = CELL_WIDTHS_VERSION
}

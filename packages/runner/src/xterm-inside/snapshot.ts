import type { Terminal } from '@xterm/headless'

import { coreOf } from './core.ts'
import { serializeRows } from './serialize-rows.ts'
import { regions, savedCursor, supplement } from './supplement.ts'

/**
 * What rebuilds scrollback, screen, cursor and modes of `terminal` in a fresh one of the same size. Takes several turns of
 * the event loop, during which nothing may be written and no size set.
 */
export async function snapshot(terminal: Terminal): Promise<string> {
  const core = coreOf(terminal)
  const { buffer, cols } = terminal
  const rows = await serializeRows(buffer.normal, cols, core._oscLinkService)
  const rest = supplement(core, terminal)
  if (buffer.active.type === 'normal') return rows + rest
  // Mode 1047 enters without saving the cursor: what is saved is what the program saved when it entered.
  const below = regions(core, core.buffers.normal) + savedCursor(core, core.buffers.normal, buffer.normal)
  const above = await serializeRows(buffer.alternate, cols, core._oscLinkService)
  return `${rows}${below}\x1b[0m\x1b[?1047h\x1b[H${above}${rest}`
}

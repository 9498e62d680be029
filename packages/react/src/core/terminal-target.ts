import type { Terminal } from '@cliscale/sdk'
import type { Cells } from './screen-layout.ts'

/** Where a controller gets its terminal. */
export interface TerminalTarget {
  /** Names the terminal: one whose key has the same parts is the same terminal, another one replaces it. */
  readonly key: readonly unknown[]
  /** Makes a terminal that connects by itself. Called once per key, with the size of the screen. */
  open(size: Cells): Terminal
}

/** Whether two targets name the same terminal. */
export function isSameTarget(
  one: readonly unknown[] | undefined,
  other: readonly unknown[] | undefined,
): boolean {
  if (one === undefined || other === undefined) return one === other
  return one.length === other.length && one.every((part, index) => Object.is(part, other[index]))
}

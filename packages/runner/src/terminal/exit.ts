import { constants } from 'node:os'

/** How the command ended. */
export interface PtyExit {
  /** As a shell says it: what the command exited with, or 128 and the number of the signal that ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A code above this stands for a signal (POSIX, Shell Command Language, 2.8.2; so does bwrap). */
const SIGNALLED = 128

/** Signals that do not end a process by themselves: a code that would mean one is just a code. */
const HARMLESS: ReadonlySet<string> = new Set([
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGWINCH',
])

/** Of two names of one number the first counts: it is the one that shells use (SIGABRT, not SIGIOT). */
const NAMES: ReadonlyMap<number, NodeJS.Signals> = new Map(
  Object.entries(constants.signals)
    .toReversed()
    .map(([name, value]) => [value, name as NodeJS.Signals]),
)

/**
 * One form for every way in which an end is told. The system tells a signal; bwrap, or a shell around the command, tells a
 * code above 128 for it. Which of them stood between the runner and the command must not show.
 */
export function readExit(code: number | null, signal: number | NodeJS.Signals | null): PtyExit {
  if (signal === null || signal === 0) return { code, signal: signalOfCode(code) }
  const number = typeof signal === 'number' ? signal : constants.signals[signal]
  return { code: SIGNALLED + number, signal: NAMES.get(number) ?? 'SIGKILL' }
}

function signalOfCode(code: number | null): NodeJS.Signals | null {
  const name = code === null || code <= SIGNALLED ? undefined : NAMES.get(code - SIGNALLED)
  return name === undefined || HARMLESS.has(name) ? null : name
}

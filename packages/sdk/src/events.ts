import type { CliscaleError } from './errors.ts'
import type { PhaseReport, ReadyMessage, SessionExit, SessionState, SizeMessage } from './protocol/index.ts'
import type { OutputInfo, OutputReset } from './terminal/output-hub.ts'

/**
 * What a terminal is doing.
 *
 * | state | entered when | left for |
 * |---|---|---|
 * | `idle` | it was made | `connecting` by `connect()` |
 * | `connecting` | the first connection is being made | `provisioning`, `connected`, `reconnecting` |
 * | `provisioning` | the session is not yet running; phases come | `connected`, `reconnecting`, `exited` |
 * | `connected` | output and input flow | `unstable`, `reconnecting`, `exited` |
 * | `unstable` | nothing came for 3 s although an answer was due | `connected`, `reconnecting` |
 * | `reconnecting` | the connection is gone; the next attempt waits or runs | `resuming`, `provisioning`, `connected` |
 * | `resuming` | a new socket is open; the missing bytes are on their way | `connected`, `reconnecting` |
 * | `exited` | the session is over; `exited` resolved | – |
 * | `failed` | it was refused for good, or the policy gave up; `error` says why | `connecting` by `connect()` |
 * | `closed` | `close()` was called | – |
 */
export type TerminalState =
  | 'idle'
  | 'connecting'
  | 'provisioning'
  | 'connected'
  | 'unstable'
  | 'reconnecting'
  | 'resuming'
  | 'exited'
  | 'failed'
  | 'closed'

/** What goes with a change of state. */
export interface TerminalStateDetail {
  /** What it was before. */
  readonly previous: TerminalState
  /** Why the connection was lost, with `reconnecting` and `failed`. */
  readonly error?: CliscaleError
  /** With `reconnecting`: failed attempts so far. */
  readonly attempt?: number
  /** With `reconnecting`: milliseconds until the next attempt. */
  readonly retryInMs?: number
}

/** What is known once the terminal is there. */
export type TerminalReady = Omit<ReadyMessage, 'type'>

/** Size, and who types. */
export type TerminalSizeChange = Omit<SizeMessage, 'type'>

/** Events of a terminal, with the arguments of their listeners. */
export interface TerminalEvents {
  /** Output bytes. They count as parsed when the listener returns; use `setSink` when parsing takes longer. */
  data: [data: Uint8Array, info: OutputInfo]
  /** Output was lost beyond the session's ring: clear the screen, a snapshot follows as `data`. */
  reset: [reset: OutputReset]
  /** Progress of a session that is not yet running. */
  phase: [phase: PhaseReport]
  /** The terminal is there: first, and after every reconnect. */
  ready: [ready: TerminalReady]
  /** The size or the driver changed. */
  size: [size: TerminalSizeChange]
  /** The program set the window's title. */
  title: [title: string]
  /** What it does changed; once more for each attempt to reconnect. */
  state: [state: TerminalState, detail: TerminalStateDetail]
  /** The session's command ended. */
  exit: [exit: SessionExit]
  /** Something failed: with state `failed` for good, else the terminal goes on (input dropped, a sink that threw). */
  error: [error: CliscaleError]
  /** Round trip to the session, in milliseconds. */
  latency: [milliseconds: number]
}

/** Events of a session, with the arguments of their listeners. */
export interface SessionEvents {
  /** The state changed. */
  state: [state: SessionState]
  /** Progress before it runs. */
  phase: [phase: PhaseReport]
  /** It ended. */
  exit: [exit: SessionExit]
  /** Its lifetime is over soon: a minute before, or a tenth of the lifetime if that is less. */
  expiring: [expiresAt: Date]
  /** Following it failed; the session itself may be well. */
  error: [error: CliscaleError]
}

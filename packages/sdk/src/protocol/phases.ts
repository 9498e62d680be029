/**
 * The states of a session, in the order in which it passes them. It may skip `scheduled`…`verifying` (a warm runner, no
 * bundle) and may leave any of them for `ending` or `ended`. The table of legal transitions stands in the server's
 * `lifecycle/states.ts`; this is the list that users see.
 *
 * - `queued`    accepted, waits for capacity
 * - `scheduled` a runner was chosen or asked for
 * - `pulling`   the runner's image is fetched (Kubernetes)
 * - `assigning` the runner is up and is being told what to run
 * - `fetching`  the runner downloads the bundle
 * - `verifying` the runner checks the bundle's SHA-256 and unpacks it
 * - `starting`  the command is being started in its PTY
 * - `running`   the command runs
 * - `ending`    the command is being stopped
 * - `ended`     over; `endReason` says why
 */
export const SESSION_STATES = [
  'queued',
  'scheduled',
  'pulling',
  'assigning',
  'fetching',
  'verifying',
  'starting',
  'running',
  'ending',
  'ended',
] as const

/** One of {@link SESSION_STATES}. */
export type SessionState = (typeof SESSION_STATES)[number]

/** The states before `running`: what a session that is not yet running is doing. */
export const PHASES = [
  'queued',
  'scheduled',
  'pulling',
  'assigning',
  'fetching',
  'verifying',
  'starting',
] as const

/** One of {@link PHASES}. */
export type Phase = (typeof PHASES)[number]

/**
 * Why a session ended.
 *
 * - `exited`  its command exited or died by a signal of its own
 * - `killed`  somebody ended it through the API
 * - `expired` its lifetime was over
 * - `idle`    no byte in either direction for its idle timeout
 * - `failed`  it could not start, or its runner was lost; `failure` says what happened
 */
export const END_REASONS = ['exited', 'killed', 'expired', 'idle', 'failed'] as const

/** One of {@link END_REASONS}. */
export type EndReason = (typeof END_REASONS)[number]

/** How far a phase is. */
export interface PhaseProgress {
  /** Units done so far. */
  readonly done: number
  /** Units in all; `null` while unknown (no Content-Length). */
  readonly total: number | null
  /** What is counted. */
  readonly unit: 'bytes' | 'entries'
}

/** One report about a session that is not yet running. */
export interface PhaseReport {
  /** What the session is doing. */
  readonly phase: Phase
  /** One sentence for a person. */
  readonly message?: string
  /** How far the phase is, when it can be counted. */
  readonly progress?: PhaseProgress
  /** 1-based place in the queue, while `queued`. */
  readonly queuePosition?: number
}

/** Why a session failed, or why its command did not run. */
export interface Failure {
  /** A code of `error-codes.ts`. */
  readonly code: string
  /** One sentence for a person. */
  readonly message: string
  /** What to do about it. */
  readonly hint?: string
}

/** How a session's command ended. */
export interface SessionExit {
  /**
   * Exit code, 0–255, as a shell says it: 128 and the signal's number when a signal ended it. `null` when it never ran, or
   * its end is not known. A command that does not exist gives 127, one that may not be executed
   * 126.
   */
  readonly code: number | null
  /** Signal name such as `SIGKILL`, also when a shell around the command says so by its code; `null` when it exited by itself. */
  readonly signal: string | null
  /** Why the session ended. */
  readonly reason: EndReason
  /** Set when `reason` is `failed`. */
  readonly failure?: Failure
}

/** True when no further change can come. */
export function isEnded(state: SessionState): boolean {
  return state === 'ended'
}

/** True while the command does not run yet. */
export function isPhase(state: SessionState): state is Phase {
  return (PHASES as readonly string[]).includes(state)
}

import type { EndReason, SessionExit, SessionState } from '@cliscale/sdk/protocol'

/** A live session, as far as a decision needs it. */
export interface DesiredSession {
  readonly id: string
  readonly state: SessionState
  readonly runnerId: string | null
  /** Runners tried so far. */
  readonly attempts: number
  readonly endReason: EndReason | null
  readonly endingAt: Date | null
  readonly expiresAt: Date
  /** While queued: no runner before this time. */
  readonly retryAt: Date | null
}

/** A runner's row that has not ended. */
export interface DesiredRunner {
  readonly id: string
  readonly state: 'creating' | 'blank' | 'claimed' | 'lingering' | 'ended'
  /** What shaped it before it had a session. */
  readonly policy: string
  readonly sessionId: string | null
  readonly assigned: boolean
  readonly createdAt: Date
  readonly readyAt: Date | null
  readonly releasedAt: Date | null
}

/** A runner as its driver sees it. */
export interface ObservedState {
  readonly runnerId: string
  readonly state: 'starting' | 'up' | 'gone'
  readonly detail?: string
}

/** Numbers that decisions follow. */
export interface Policy {
  /** Blank runners that wait for a session. */
  readonly spareRunners: number
  /** Most runners at once, spare ones included. */
  readonly maxRunners: number
  /** Runners that a session may try before it has failed. */
  readonly maxAttempts: number
  /** A runner that is not up after this time has failed. */
  readonly startTimeoutMs: number
  /** Pause before a session's second runner; doubles with each further one. */
  readonly retryAfterMs: number
  /** A runner that was just started may be missing from the driver's list for this long. */
  readonly unseenMs: number
  /** A session that is ending is over after this time, whatever its runner says. */
  readonly endTimeoutMs: number
  /** A runner whose command ended is stopped after this time; it ends by itself before. */
  readonly lingerTimeoutMs: number
  /** What shapes runners now. A blank one of another policy gets no session and is retired. */
  readonly runnerPolicy: string
}

/** Defaults of a {@link Policy}. */
export const DEFAULT_POLICY: Omit<Policy, 'runnerPolicy'> = {
  spareRunners: 1,
  maxRunners: 50,
  maxAttempts: 3,
  startTimeoutMs: 60_000,
  retryAfterMs: 500,
  unseenMs: 10_000,
  endTimeoutMs: 15_000,
  lingerTimeoutMs: 60_000,
}

/** What the database said at one moment, after the driver was asked for its list, and what the operator wants. */
export interface Desired {
  /** Every live session, those that wait in their fair order. */
  readonly sessions: readonly DesiredSession[]
  /** Every runner of this driver that has not ended, oldest first. */
  readonly runners: readonly DesiredRunner[]
  readonly policy: Policy
}

/** What is to be done. Each is safe to do twice, and does nothing when the row changed meanwhile. */
export type Action =
  /** Insert a row, then start a runner, for one session or as a spare. */
  | { readonly kind: 'startRunner'; readonly sessionId: string | null }
  /** Give a waiting session a blank runner. */
  | { readonly kind: 'claimBlank'; readonly sessionId: string }
  /** It is up but the row does not say so. */
  | { readonly kind: 'markUp'; readonly runnerId: string }
  /** Tell the runner what to run. */
  | { readonly kind: 'assign'; readonly sessionId: string; readonly runnerId: string }
  /** Back to the queue; the runner's row ends. */
  | {
      readonly kind: 'requeue'
      readonly sessionId: string
      readonly runnerId: string
      readonly message: string
      readonly retryAfterMs: number
    }
  /** Ask the session's runner to end the command. */
  | {
      readonly kind: 'stopSession'
      readonly sessionId: string
      readonly runnerId: string
      readonly reason: 'expired'
    }
  /** The session is over, and its runner's row too; what still runs is an orphan of the next decision. */
  | { readonly kind: 'endSession'; readonly sessionId: string; readonly exit: SessionExit }
  /** End a runner, then its row. */
  | { readonly kind: 'stopRunner'; readonly runnerId: string; readonly reason: string }
  /** End a blank runner, unless a session claims it first. */
  | { readonly kind: 'retireBlank'; readonly runnerId: string }
  /** It is gone: end its row. */
  | { readonly kind: 'endRunner'; readonly runnerId: string; readonly reason: string }
  /** End a runner that the database does not know. */
  | { readonly kind: 'stopOrphan'; readonly runnerId: string }

/** Kinds of {@link Action}, for metrics and checks. */
export const ACTION_KINDS = [
  'startRunner',
  'claimBlank',
  'markUp',
  'assign',
  'requeue',
  'stopSession',
  'endSession',
  'stopRunner',
  'retireBlank',
  'endRunner',
  'stopOrphan',
] as const satisfies readonly Action['kind'][]

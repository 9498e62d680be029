import type { Readable } from 'node:stream'
import type { Isolation, LowerLimits } from '@cliscale/sdk/protocol'

/** Where a runner listens: `unix:` and an absolute path, or `tcp:` host and port. */
export type RunnerAddress = `unix:${string}` | `tcp:${string}`

/** What a driver needs to start a blank runner. It carries no session, no env and no user's secret. */
export interface RunnerSpec {
  /** `run_` and 22 or more URL-safe characters; the row exists already. */
  readonly runnerId: string
  /** The runner's own secret, to be handed over by a file or descriptor. */
  readonly secret: string
}

/** A runner as its driver sees it. */
export interface ObservedRunner {
  readonly runnerId: string
  /** Null until the driver knows where it listens. */
  readonly address: RunnerAddress | null
  /** The driver's own name for it: a pid, a Job's uid. */
  readonly externalId: string
  /** `starting` not yet listening; `up` listening; `gone` ended or being deleted. */
  readonly state: 'starting' | 'up' | 'gone'
  /** One sentence for a person while starting or when gone: `pulling the image`, `killed: out of memory`. */
  readonly detail?: string
}

/**
 * Recordings that runners wrote to a place which outlives them. They are taken over the runner's port; this is for
 * runners that died before.
 */
export interface LeftRecordings {
  /** What a runner wrote, its last line possibly torn; null when there is nothing. */
  open(runnerId: string): Promise<Readable | null>
  /** Removes it. Unknown ids are removed already. */
  drop(runnerId: string): Promise<void>
  /** Runners that left one. */
  list(): Promise<readonly string[]>
}

/** Ends a subscription. Safe to call twice. */
export type Unsubscribe = () => void

/**
 * Where runners run. Implementations map their platform's errors to `CodedError`s, are safe to call again
 * after a crash at any point, and hold no truth: the `runners` table does.
 */
export interface Driver {
  readonly name: 'process' | 'kubernetes'

  /** What keeps this driver's sessions apart, found out at start. */
  readonly isolation: Isolation

  /**
   * Short name of everything that shapes a runner before it has a session: isolation, what it shows, its program. A blank
   * runner is given a session only when it was started under this one.
   */
  readonly policy: string

  /**
   * Starts a blank runner. Resolves when the platform accepted it; `watch` tells when it is up. Calling it again with
   * the same id finds the same runner.
   */
  start(spec: RunnerSpec, signal: AbortSignal): Promise<ObservedRunner>

  /**
   * Holds a runner that has no session yet to less than what it was started with. What only the runner itself can hold is
   * told to it with the assignment.
   *
   * @throws {CodedError} `START_FAILED` when a bound that this driver sees to cannot be set
   */
  lowerLimits(runnerId: string, limits: LowerLimits): Promise<void>

  /** Ends a runner and everything it started, and frees what it used. Resolves when it is gone; unknown ids are gone. */
  stop(runnerId: string, options: { graceMs: number }): Promise<void>

  /** Every runner that this driver can find, whoever started it. */
  list(): Promise<readonly ObservedRunner[]>

  /** One runner; null when there is none of this id. */
  inspect(runnerId: string): Promise<ObservedRunner | null>

  /** Calls back on every change until unsubscribed. Missed changes are found by `list`. */
  watch(listener: (runner: ObservedRunner) => void): Unsubscribe

  /** Absent where nothing outlives a runner. */
  readonly recordings?: LeftRecordings

  /** Frees timers and handles; runners go on. */
  close(): Promise<void>
}

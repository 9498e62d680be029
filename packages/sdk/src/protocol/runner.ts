import type { Role } from './claims.ts'
import type { PhaseReport, SessionExit } from './phases.ts'
import type { BundleSpec, Isolation, RecordingInfo, SessionLimits } from './rest.ts'

/**
 * The contract between controller, gateway and runner: HTTP and WebSocket on the runner's one port. Every request but
 * `GET /healthz` carries the runner's own secret as `Authorization: Bearer <secret>`; a runner answers 401 to another secret and 403 to another runner id,
 * so that a reused address cannot be mistaken for the runner that once had it.
 *
 * @internal
 */

/** Paths on the runner's port. */
export const RUNNER_PATHS = {
  /** 200 `ok`, no secret needed. */
  health: '/healthz',
  /** `POST` an {@link Assignment}: 202 {@link RunnerStatus}, 409 when it has one already. */
  assign: '/v1/assign',
  /** `GET` {@link RunnerStatus}. */
  status: '/v1/status',
  /**
   * `GET` newline-delimited {@link RunnerEvent}s: the present state first, then each change, until the runner ends.
   * An empty line every {@link RUNNER_KEEPALIVE_MS} keeps it open.
   */
  events: '/v1/events',
  /** `POST` {@link StopRequest}: 202; the command is ended, then the runner itself. */
  stop: '/v1/stop',
  /** `POST` {@link UpdateAssignment}: 200. */
  update: '/v1/update',
  /**
   * `GET ?offset=N`: 200, the bytes of the recording's file from N on, up to what is written now, whole lines; see
   * {@link RUNNER_RECORDING_HEADERS}. 404 when the session is not recorded, 400 for an offset beyond the file. To ask
   * for what comes after the last byte of a complete recording says that all of it was taken: the runner may end.
   */
  recording: '/v1/recording',
  /** WebSocket with subprotocol `cliscale.v1` or `tty`. */
  terminal: '/v1/terminal',
} as const

/** Header that names the runner that the caller means. */
export const RUNNER_ID_HEADER = 'x-cliscale-runner'

/** Header on a terminal upgrade: the {@link Role} that the redeemed token gave. */
export const ROLE_HEADER = 'x-cliscale-role'

/** Header on a terminal upgrade: the request id of the client's upgrade, for logs. */
export const REQUEST_ID_HEADER = 'x-request-id'

/** Headers of an answer with a part of a recording. */
export const RUNNER_RECORDING_HEADERS = {
  /** `open`: more may follow. `complete`: nothing follows after `total`. `failed`: likewise, because the disk failed. */
  state: 'x-cliscale-recording-state',
  /** Bytes of the file when the answer began. */
  total: 'x-cliscale-recording-total',
} as const

/** Label of the marker event that is a recording's last but its exit when it reached its limit. */
export const RECORDING_CUT_LABEL = 'The recording reached its limit and goes on without output.'

/** Interval of empty lines on the event stream. */
export const RUNNER_KEEPALIVE_MS = 15_000

/** What a blank runner is told to run. */
export interface Assignment {
  readonly sessionId: string
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment of the command; the runner adds TERM, HOME, PATH, LANG and CLISCALE_SESSION_ID when missing. */
  readonly env: Readonly<Record<string, string>>
  /** Working directory, relative to the work folder. */
  readonly cwd?: string
  readonly columns: number
  readonly rows: number
  readonly bundle?: BundleSpec
  /** Milliseconds since the epoch at which the runner ends the session by itself. */
  readonly expiresAtMs: number
  /** 0 = never. */
  readonly idleTimeoutMs: number
  readonly ringBytes?: number
  readonly scrollbackLines?: number
  /** How long the runner stays after the command's end, for clients that have not read everything. Default 30,000. */
  readonly lingerMs?: number
  /** Left out: nothing is written down. */
  readonly recording?: RecordingOrder
  /** Bounds of this session where they are lower than the runner's own. */
  readonly limits?: LowerLimits
}

/** What one session may use at most; a bound that is left out stays what it is, and none becomes higher. */
export interface LowerLimits {
  /** Processes and threads together, 1 or more. */
  readonly processes?: number
  readonly memoryBytes?: number
  /** Processors, a fraction included. */
  readonly cpus?: number
  /** Open files of each process. */
  readonly openFiles?: number
  /** Size of the work folder and of temporary files together. */
  readonly diskBytes?: number
}

/** The lower of two bounds each; in `bounds` and in the answer 0 is none. */
export function lowestLimits(bounds: Required<LowerLimits>, lower: LowerLimits = {}): Required<LowerLimits> {
  const least = (one: number, other = 0): number =>
    one === 0 || other === 0 ? Math.max(one, other) : Math.min(one, other)
  return {
    processes: least(bounds.processes, lower.processes),
    memoryBytes: least(bounds.memoryBytes, lower.memoryBytes),
    cpus: least(bounds.cpus, lower.cpus),
    openFiles: least(bounds.openFiles, lower.openFiles),
    diskBytes: least(bounds.diskBytes, lower.diskBytes),
  }
}

/** What a runner is to write down, and how much of it. */
export interface RecordingOrder {
  readonly mode: RecordingInfo['mode']
  /** Limit of the file. */
  readonly maxBytes: number
}

/** What may change while a session runs. */
export interface UpdateAssignment {
  readonly expiresAtMs?: number
  readonly idleTimeoutMs?: number
}

/** Body of `POST /v1/stop`. */
export interface StopRequest {
  readonly reason: 'killed' | 'expired' | 'idle' | 'failed'
  /** Between SIGHUP and SIGKILL to the process group. Default 2,000. */
  readonly graceMs?: number
}

/** Where a runner is in its one life. */
export const RUNNER_STATES = ['blank', 'preparing', 'running', 'exited'] as const

/** One of {@link RUNNER_STATES}. */
export type RunnerState = (typeof RUNNER_STATES)[number]

/** How terminals are brought up to date: as `R` says, or not at all. */
export const RUNNER_RESUMES = ['fresh', 'delta', 'snapshot', 'failed'] as const

/** Upper bounds of the buckets of {@link RunnerFigures.gaps}, in bytes; one more bucket is for those above. */
export const RESUME_GAP_BYTES = [0, 1_024, 16_384, 131_072, 1_048_576, 16_777_216, 268_435_456] as const

/** A longer gap counts as this many bytes. */
export const MAX_RESUME_GAP_BYTES = 4_294_967_296

/** What a runner counts, for metrics. Whole numbers from 0 on; those that count never fall during its life. */
export interface RunnerFigures {
  /** Terminals that were brought up to date, first attachments included. */
  readonly resumes: Readonly<Record<(typeof RUNNER_RESUMES)[number], number>>
  /** Resumes by how many bytes of output the client lacked, a number for each bucket of {@link RESUME_GAP_BYTES}. */
  readonly gaps: readonly number[]
  /** Those bytes, all together. */
  readonly gapBytes: number
  /** Bytes that were sent again, screens included. */
  readonly replayedBytes: number
  /** How long the PTY was not read because its driver, screen or recording did not follow. */
  readonly pausedMs: number
  /** Now: output bytes that the ring holds. */
  readonly ringBytes: number
  /** Now: output bytes that the driver has not confirmed. */
  readonly unackedBytes: number
  /** Now: attached clients. */
  readonly clients: Readonly<Record<Role, number>>
}

/** Answer of `GET /v1/status`. */
export interface RunnerStatus {
  readonly runnerId: string
  readonly epoch: string
  readonly state: RunnerState
  readonly sessionId: string | null
  readonly phase: PhaseReport | null
  readonly exit: SessionExit | null
  readonly clients: Readonly<Record<Role, number>>
  /** Bytes that the PTY has written. */
  readonly outputOffset: number
  /** Milliseconds since the epoch of the last byte in either direction. */
  readonly lastActivityAtMs: number
  readonly pid: number
  /** What keeps its session apart, as the runner itself sees to it. */
  readonly isolation: Isolation
  /** What its session may use, and what sees to it. */
  readonly limits: SessionLimits
  readonly figures?: RunnerFigures
}

/** One line of the event stream. */
export type RunnerEvent =
  | { readonly type: 'status'; readonly status: RunnerStatus }
  | { readonly type: 'phase'; readonly report: PhaseReport }
  | { readonly type: 'running'; readonly isolation: Isolation; readonly limits: SessionLimits }
  | { readonly type: 'exit'; readonly exit: SessionExit }
  /** What changed since the last time: soon after clients came or went, and with every keep-alive. */
  | { readonly type: 'figures'; readonly figures: RunnerFigures }

import type { Role } from './claims.ts'
import type { EndReason, Failure, PhaseReport, SessionExit, SessionState } from './phases.ts'

/** A CLI archive: fetched by the runner, refused unless its digest is this one. */
export interface BundleSpec {
  /** https address (http only where the server allows it) of a `.tar.gz`, `.tgz`, `.tar` or `.zip` archive. */
  readonly url: string
  /** SHA-256 of the archive as 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

/** Body of `POST /v1/sessions`. Everything is optional: an empty body starts the default template. */
export interface CreateSessionRequest {
  /** Name of the operator's template. Default: `shell`. */
  readonly template?: string
  /** Program to run, found on the session's PATH. Default: the template's. */
  readonly command?: string
  /** Its arguments. Default: the template's if `command` is left out, else none. */
  readonly args?: readonly string[]
  /** Environment variables beside the template's. */
  readonly env?: Readonly<Record<string, string>>
  /** Environment variables that are never stored in clear, shown or logged. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Working directory below the work folder. Default: the work folder. */
  readonly cwd?: string
  /** CLI archive that is fetched, verified and unpacked into the work folder before the command starts. */
  readonly bundle?: BundleSpec
  /** What is written down of the session. Default: the template's, which is `off` unless its operator says otherwise. */
  readonly recording?: RecordingMode
  /** Width in cells. Default 80. */
  readonly columns?: number
  /** Height in rows. Default 24. */
  readonly rows?: number
  /** The session ends this many seconds after its creation. Default: the template's. */
  readonly lifetimeSeconds?: number
  /** The session ends after this many seconds without a byte in either direction; 0 = never. Default: the template's. */
  readonly idleTimeoutSeconds?: number
  /** Free labels, for your own use and for filters. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Whose session it is, when the caller's identity may act for others. Default: the caller. */
  readonly owner?: string
}

/**
 * What a recording holds: nothing, what the session printed, or also what was typed. Programs print no passwords, but
 * people type them: `output-and-input` keeps them too.
 */
export const RECORDING_MODES = ['off', 'output', 'output-and-input'] as const

/** One of {@link RECORDING_MODES}. */
export type RecordingMode = (typeof RECORDING_MODES)[number]

/**
 * `recording`: it grows with the session. `stored`: all that was recorded is kept. `failed`: a disk or the storage
 * failed; what was written before may still be there.
 */
export const RECORDING_STATES = ['recording', 'stored', 'failed'] as const

/** One of {@link RECORDING_STATES}. */
export type RecordingState = (typeof RECORDING_STATES)[number]

/** A session's recording, as the session shows it. */
export interface RecordingInfo {
  readonly mode: Exclude<RecordingMode, 'off'>
  readonly state: RecordingState
  /** Size of the file; null while it grows and when nothing could be kept. */
  readonly bytes: number | null
  /** True when the session went on after the recording had reached its limit. */
  readonly truncated: boolean
}

/** Media type of `GET /v1/sessions/{id}/recording`: asciicast v3, https://docs.asciinema.org/manual/asciicast/v3/. */
export const RECORDING_MEDIA_TYPE = 'application/x-asciicast'

/** Response header of a recording: `open` while the session runs and more will follow, else `complete`. */
export const RECORDING_HEADER = 'x-cliscale-recording'

/** A session as the API shows it. It never holds env, secrets or tokens. */
export interface SessionInfo {
  /** `ses_` and 22 or more URL-safe characters. */
  readonly id: string
  readonly state: SessionState
  /** The last report of a session that is not yet running. */
  readonly phase: PhaseReport | null
  readonly template: string
  readonly command: string
  readonly args: readonly string[]
  readonly owner: string
  readonly project: string
  readonly metadata: Readonly<Record<string, string>>
  readonly columns: number
  readonly rows: number
  /** What keeps the session apart from the host and other sessions; `none` is said plainly. */
  readonly isolation: Isolation
  /** What it may use, as its runner found out; null until it runs. */
  readonly limits: SessionLimits | null
  readonly lifetimeSeconds: number
  readonly idleTimeoutSeconds: number
  /** ISO 8601 times. `startedAt`: the command runs. */
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
  /** When the lifetime is over. */
  readonly expiresAt: string
  readonly endReason: EndReason | null
  /** Set once the session ended. */
  readonly exit: SessionExit | null
  /** Set when `endReason` is `failed`. */
  readonly failure: Failure | null
  /** Null when the session is not recorded, or its recording was deleted. */
  readonly recording: RecordingInfo | null
}

/** What keeps a session apart: `none`: a plain process, of a user of its own where the server is root, else of the server's. `bubblewrap`: own users, mounts, processes and IPC. `container`: a pod of its own. */
export const ISOLATIONS = ['none', 'bubblewrap', 'container'] as const

/** One of {@link ISOLATIONS}. */
export type Isolation = (typeof ISOLATIONS)[number]

/**
 * What holds a session to a limit. `cgroup`: a control group of the kernel's, for all of its processes together. `rlimit`:
 * the kernel, by process or by user. `watch`: the runner looks now and then, and ends the session that is over.
 */
export const LIMIT_KINDS = ['cgroup', 'rlimit', 'watch'] as const

/** One limit that holds. */
export interface HeldLimit {
  readonly value: number
  readonly by: (typeof LIMIT_KINDS)[number]
}

/** What a session may use; null where nothing holds it. */
export interface SessionLimits {
  /** Processes and threads together. */
  readonly processes: HeldLimit | null
  readonly memoryBytes: HeldLimit | null
  /** Processors, a fraction included. */
  readonly cpus: HeldLimit | null
  /** Open files of each process. */
  readonly openFiles: HeldLimit | null
  /** Size of the work folder and of temporary files together. */
  readonly diskBytes: HeldLimit | null
}

/** How to reach a session's terminal. */
export interface TerminalAccess {
  /** ws: or wss: address, complete; no token in it. */
  readonly url: string
  /** One-time session token. */
  readonly token: string
  /** ISO 8601 time at which the token is refused. */
  readonly expiresAt: string
  /** What the token allows. */
  readonly role: Role
}

/** Answer of `POST /v1/sessions` (201; 200 when an Idempotency-Key found the session that it made before). */
export interface CreateSessionResponse {
  readonly session: SessionInfo
  readonly terminal: TerminalAccess
}

/** Query of `GET /v1/sessions`. `metadata` filters are sent as `metadata[key]=value`. */
export interface ListSessionsQuery {
  readonly state?: SessionState | 'live'
  readonly owner?: string
  readonly metadata?: Readonly<Record<string, string>>
  readonly limit?: number
  /** `nextCursor` of the page before. */
  readonly cursor?: string
}

/** Answer of `GET /v1/sessions`, newest first. */
export interface ListSessionsResponse {
  readonly sessions: readonly SessionInfo[]
  readonly nextCursor: string | null
}

/** Body of `PATCH /v1/sessions/{id}`. */
export interface UpdateSessionRequest {
  /** New end of life: this many seconds from now. May shorten; all in all the server's maximum holds, and so does the template. */
  readonly lifetimeSeconds?: number
  /** Replaces the metadata as a whole. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Body of `POST /v1/sessions/{id}/tokens`. */
export interface CreateTokenRequest {
  /** Default `driver`. */
  readonly role?: Role
  /** 5 to 600, default 60. */
  readonly ttlSeconds?: number
}

/** A template as `GET /v1/templates` shows it. */
export interface TemplateInfo {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly command: string
  readonly args: readonly string[]
  /** What is recorded of its sessions, unless a create request says otherwise and may. */
  readonly recording: RecordingMode
  /** What of a create request may differ from the template. */
  readonly allow: readonly TemplateOpening[]
}

/** Fields that a template may open to its clients. */
export const TEMPLATE_OVERRIDES = [
  'command',
  'args',
  'env',
  'secrets',
  'cwd',
  'bundle',
  'lifetimeSeconds',
  'idleTimeoutSeconds',
  'recording',
] as const

/** One of {@link TEMPLATE_OVERRIDES}. */
export type TemplateOverride = (typeof TEMPLATE_OVERRIDES)[number]

/**
 * What a template opens: a field, or one variable, as in `env.API_URL`. `env` and `secrets` as a whole open ordinary
 * variables only: one that can make a program run something else is opened by its name.
 */
export type TemplateOpening = TemplateOverride | `env.${string}` | `secrets.${string}`

/** Answer of `GET /v1/templates`. */
export interface ListTemplatesResponse {
  readonly templates: readonly TemplateInfo[]
}

/**
 * One line of a session's history, and one server-sent event of `GET /v1/sessions/{id}/events` and `GET /v1/events`:
 * `id:` is `seq`, `event:` is `type`, `data:` is this object as JSON.
 */
export type SessionEvent = {
  /** Grows over all sessions; send the last one as Last-Event-ID to go on after it. */
  readonly seq: number
  readonly sessionId: string
  /** ISO 8601 time. */
  readonly at: string
} & SessionEventBody

/** What happened. */
export type SessionEventBody =
  | { readonly type: 'created'; readonly state: SessionState }
  | { readonly type: 'phase'; readonly state: SessionState; readonly phase: PhaseReport }
  /** `isolation` and `limits`: as its runner found them out; left out of events of older servers. */
  | {
      readonly type: 'running'
      readonly state: SessionState
      readonly isolation?: Isolation
      readonly limits?: SessionLimits
    }
  | { readonly type: 'updated'; readonly state: SessionState; readonly expiresAt: string }
  | { readonly type: 'ending'; readonly state: SessionState; readonly reason: EndReason }
  | { readonly type: 'ended'; readonly state: SessionState; readonly exit: SessionExit }

/** Names of {@link SessionEventBody}. */
export type SessionEventType = SessionEventBody['type']

/** Answer of `GET /healthz` and `GET /readyz`. */
export interface HealthResponse {
  readonly status: 'ok' | 'unavailable'
  /** Part → `ok` or one sentence on what is wrong. */
  readonly checks: Readonly<Record<string, string>>
}

import type { CreateSessionRequest, PhaseReport, Role, SessionState } from './protocol/index.ts'

/** Options of a client. */
export interface CliscaleOptions {
  /** Address of the server, with or without a path before `/v1`. In a browser it may be relative to the page. */
  readonly baseUrl: string | URL
  /** API key `csk_…`, sent as `Authorization: Bearer`. Never ship one to a browser: use `headers` or `credentials` there. */
  readonly apiKey?: string | undefined
  /** Headers of every request, or a function that makes them anew for each: identity tokens that expire. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
    | undefined
  /** Whether a browser sends cookies. Default: `fetch`'s own, `same-origin`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include' | undefined
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined
  /** Longest time of one HTTP request, its answer included, in milliseconds. Default 30,000. */
  readonly requestTimeoutMs?: number | undefined
  /** For how long a call that failed for now is repeated, in milliseconds; 0 = never. Default 30,000. */
  readonly maxRetryMs?: number | undefined
  /** Aborts every call of this client. */
  readonly signal?: AbortSignal | undefined
}

/** Options of every call. */
export interface CallOptions {
  /** Aborts the call. */
  readonly signal?: AbortSignal | undefined
  /** Longest time of one HTTP request, in milliseconds. Default: the client's. */
  readonly requestTimeoutMs?: number | undefined
  /** For how long the call is repeated, in milliseconds; 0 = never. Default: the client's. */
  readonly maxRetryMs?: number | undefined
}

/** What to start, and how to call. Everything is optional: `create()` starts the default template. */
export interface CreateSessionOptions extends CreateSessionRequest, CallOptions {
  /** Makes repeated calls with the same key find the first one's session. Default: a random key per call, so that retries are safe. */
  readonly idempotencyKey?: string | undefined
  /** Told of each phase until the command runs. */
  readonly onPhase?: ((phase: PhaseReport) => void) | undefined
}

/** Filters of a list, and how to call. */
export interface ListSessionsOptions extends CallOptions {
  /** Only sessions in this state; `live` = all that have not ended. */
  readonly state?: SessionState | 'live' | undefined
  /** Only this owner's sessions. */
  readonly owner?: string | undefined
  /** Only sessions with all of these labels. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Sessions per page, 1 to 200. Default 50. */
  readonly limit?: number | undefined
  /** Begin after this point of an earlier list (`SessionList.cursor`). */
  readonly cursor?: string | undefined
}

/** Options of a new token. */
export interface CreateTokenOptions extends CallOptions {
  /** `driver` may type, `observer` only watches. Default `driver`. */
  readonly role?: Role | undefined
  /** Seconds until the token is refused, 5 to 600. Default 60. */
  readonly ttlSeconds?: number | undefined
}

/** Options of a change to a session. */
export interface UpdateSessionOptions extends CallOptions {
  /** New end of life: this many seconds from now, 5 to 86,400. May shorten. */
  readonly lifetimeSeconds?: number | undefined
  /** Replaces the metadata as a whole. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

/** Options of an event stream. */
export interface EventsOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal | undefined
  /** Begin after this event's `seq`. Default 0: the whole history. */
  readonly afterSeq?: number | undefined
}

/** Options of a wait. */
export interface WaitOptions {
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined
  /** Longest wait, in milliseconds. Default: none. */
  readonly timeoutMs?: number | undefined
}

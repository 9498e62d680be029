import type { CloseCode } from './close-codes.ts'

/** The class of the SDK's error tree that a code belongs to. */
export type ErrorClass =
  | 'BadRequest'
  | 'Auth'
  | 'Forbidden'
  | 'NotFound'
  | 'Conflict'
  | 'Ended'
  | 'Limit'
  | 'Unavailable'
  | 'Provisioning'
  | 'Integrity'
  | 'Timeout'
  | 'Connection'
  | 'Internal'

interface ErrorRow {
  /** HTTP status on REST and on refused upgrades; 0 for codes that only the SDK raises. */
  readonly status: number
  /** Close code on the terminal socket. */
  readonly close: CloseCode
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  readonly class: ErrorClass
  /** One sentence: what it means and what to do. It becomes the reference page. */
  readonly meaning: string
}

/**
 * Every error of the product. A code that is not a row here does not compile: `ErrorCode` is this table's keys.
 */
// prettier-ignore
export const ERRORS = {
  // The request is wrong.
  BAD_REQUEST: { status: 400, close: 4400, retryable: false, class: 'BadRequest', meaning: 'The request cannot be understood; the message says why.' },
  MALFORMED_JSON: { status: 400, close: 4400, retryable: false, class: 'BadRequest', meaning: 'The body is not valid JSON.' },
  VALIDATION_FAILED: { status: 422, close: 4400, retryable: false, class: 'BadRequest', meaning: 'A field has a wrong type or value; `details` names each one.' },
  UNKNOWN_FIELD: { status: 422, close: 4400, retryable: false, class: 'BadRequest', meaning: 'The request has a field that this call does not know; `details` names it.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, close: 4400, retryable: false, class: 'BadRequest', meaning: 'Send the body as application/json.' },
  BODY_TOO_LARGE: { status: 413, close: 1009, retryable: false, class: 'BadRequest', meaning: 'The body is over the limit.' },
  HEADERS_TOO_LARGE: { status: 431, close: 4400, retryable: false, class: 'BadRequest', meaning: 'The request headers are over 16 KiB.' },
  MALFORMED_FRAME: { status: 400, close: 4400, retryable: false, class: 'BadRequest', meaning: 'A WebSocket frame or terminal message broke the protocol.' },
  FRAME_TOO_LARGE: { status: 413, close: 1009, retryable: false, class: 'BadRequest', meaning: 'A WebSocket frame was over the limit; split large input.' },
  PROTOCOL_VERSION_UNSUPPORTED: { status: 400, close: 4400, retryable: false, class: 'BadRequest', meaning: 'The server does not speak this protocol version; update the SDK or the server.' },
  SUBPROTOCOL_REQUIRED: { status: 400, close: 4400, retryable: false, class: 'BadRequest', meaning: 'Offer the subprotocol cliscale.v1 or tty.' },
  UPGRADE_REQUIRED: { status: 426, close: 4400, retryable: false, class: 'BadRequest', meaning: 'This address is a WebSocket; open it with an upgrade.' },
  METHOD_NOT_ALLOWED: { status: 405, close: 4400, retryable: false, class: 'BadRequest', meaning: 'The address exists, but not for this method.' },

  // Who are you, and may you.
  UNAUTHENTICATED: { status: 401, close: 4401, retryable: false, class: 'Auth', meaning: 'Send an API key or an identity token as Authorization: Bearer.' },
  API_KEY_INVALID: { status: 401, close: 4401, retryable: false, class: 'Auth', meaning: 'The API key is unknown or was revoked.' },
  ACCESS_ENDED: { status: 401, close: 4401, retryable: false, class: 'Auth', meaning: 'The API key or sign-in that this was opened through was revoked or is over its time; the session goes on.' },
  TOKEN_MISSING: { status: 401, close: 4401, retryable: false, class: 'Auth', meaning: 'The terminal needs a session token, as subprotocol cliscale.bearer.<token> or Authorization: Bearer.' },
  TOKEN_INVALID: { status: 401, close: 4401, retryable: false, class: 'Auth', meaning: 'The session token is not valid for this session and server.' },
  TOKEN_EXPIRED: { status: 401, close: 4401, retryable: true, class: 'Auth', meaning: 'The session token is over its time; get a new one.' },
  TOKEN_USED: { status: 401, close: 4401, retryable: true, class: 'Auth', meaning: 'The session token was used before; each connection needs a new one.' },
  FORBIDDEN: { status: 403, close: 4403, retryable: false, class: 'Forbidden', meaning: 'This identity may not do this.' },
  ORIGIN_REFUSED: { status: 403, close: 4403, retryable: false, class: 'Forbidden', meaning: 'The page\'s origin is not on the server\'s list of allowed origins.' },
  HOST_REFUSED: { status: 403, close: 4403, retryable: false, class: 'Forbidden', meaning: 'The Host header does not name this server.' },
  ROLE_REFUSED: { status: 403, close: 4403, retryable: false, class: 'Forbidden', meaning: 'An observer\'s token cannot type, resize or become the driver.' },

  // It is not there, or not in that state.
  NOT_FOUND: { status: 404, close: 4404, retryable: false, class: 'NotFound', meaning: 'There is nothing at this address.' },
  SESSION_NOT_FOUND: { status: 404, close: 4404, retryable: false, class: 'NotFound', meaning: 'There is no such session, or it is not yours.' },
  TEMPLATE_NOT_FOUND: { status: 422, close: 4404, retryable: false, class: 'NotFound', meaning: 'The server has no template of this name.' },
  RECORDING_UNAVAILABLE: { status: 503, close: 1013, retryable: true, class: 'Unavailable', meaning: 'The storage of recordings cannot be reached; retry later.' },
  RECORDING_NOT_FOUND: { status: 404, close: 4404, retryable: false, class: 'NotFound', meaning: 'The session has no recording.' },
  CONFLICT: { status: 409, close: 4409, retryable: false, class: 'Conflict', meaning: 'The call does not fit the present state.' },
  IDEMPOTENCY_MISMATCH: { status: 409, close: 4409, retryable: false, class: 'Conflict', meaning: 'The Idempotency-Key was used before with another body.' },
  TAKEN_OVER: { status: 409, close: 4409, retryable: false, class: 'Conflict', meaning: 'The same client connected again elsewhere.' },
  SESSION_ENDED: { status: 410, close: 4410, retryable: false, class: 'Ended', meaning: 'The session is over.' },

  // Too much.
  RATE_LIMITED: { status: 429, close: 4429, retryable: true, class: 'Limit', meaning: 'Too many requests; wait as Retry-After says.' },
  QUOTA_EXCEEDED: { status: 429, close: 4429, retryable: true, class: 'Limit', meaning: 'The owner or project has as many sessions as it may; end one first.' },
  TOO_MANY_CLIENTS: { status: 429, close: 4429, retryable: true, class: 'Limit', meaning: 'The session has as many clients as it may.' },
  OVERLOADED: { status: 503, close: 1013, retryable: true, class: 'Unavailable', meaning: 'The server has too much to do; wait as Retry-After says.' },
  DRAINING: { status: 503, close: 1012, retryable: true, class: 'Unavailable', meaning: 'The server is about to stop; connect again, elsewhere if you can.' },
  DATABASE_UNAVAILABLE: { status: 503, close: 1013, retryable: true, class: 'Unavailable', meaning: 'The server cannot reach its database; what runs goes on, retry later.' },

  // The session could not start, or was lost.
  RUNNER_UNREACHABLE: { status: 503, close: 1013, retryable: true, class: 'Unavailable', meaning: 'The session\'s runner does not answer.' },
  RUNNER_REFUSED: { status: 502, close: 4500, retryable: false, class: 'Provisioning', meaning: 'Another runner answers at the session\'s address.' },
  RUNNER_LOST: { status: 500, close: 4500, retryable: false, class: 'Provisioning', meaning: 'The session\'s runner died.' },
  START_FAILED: { status: 500, close: 4500, retryable: false, class: 'Provisioning', meaning: 'The session\'s runner could not be started.' },
  START_TIMEOUT: { status: 504, close: 4500, retryable: false, class: 'Provisioning', meaning: 'The session did not start in time.' },
  COMMAND_NOT_FOUND: { status: 422, close: 4500, retryable: false, class: 'Provisioning', meaning: 'The command does not exist in the session (exit code 127).' },
  COMMAND_NOT_EXECUTABLE: { status: 422, close: 4500, retryable: false, class: 'Provisioning', meaning: 'The command may not be executed (exit code 126).' },
  WORK_FOLDER_UNUSABLE: { status: 500, close: 4500, retryable: false, class: 'Provisioning', meaning: 'The session\'s work folder is missing, full or not writable.' },
  BUNDLE_REFUSED: { status: 422, close: 4500, retryable: false, class: 'Integrity', meaning: 'The bundle\'s address is not one that the server allows.' },
  BUNDLE_FETCH_FAILED: { status: 502, close: 4500, retryable: true, class: 'Provisioning', meaning: 'The bundle could not be downloaded.' },
  BUNDLE_TOO_LARGE: { status: 422, close: 4500, retryable: false, class: 'Integrity', meaning: 'The bundle is over a limit of size, entries, ratio or time.' },
  BUNDLE_DIGEST_MISMATCH: { status: 422, close: 4500, retryable: false, class: 'Integrity', meaning: 'The bundle\'s SHA-256 is not the one that was asked for.' },
  BUNDLE_INVALID: { status: 422, close: 4500, retryable: false, class: 'Integrity', meaning: 'The bundle is not an archive that can be unpacked safely.' },

  LIMIT_EXCEEDED: { status: 500, close: 4500, retryable: false, class: 'Limit', meaning: 'The session used more memory or disk than it may and was ended; the message says which.' },

  // Time.
  HANDSHAKE_TIMEOUT: { status: 408, close: 4408, retryable: true, class: 'Timeout', meaning: 'The handshake was not finished in time.' },
  REQUEST_TIMEOUT: { status: 0, close: 1006, retryable: true, class: 'Timeout', meaning: 'The server did not answer in time (raised by the SDK).' },

  // The SDK's own.
  ABORTED: { status: 0, close: 1000, retryable: false, class: 'Connection', meaning: 'The call was aborted by its AbortSignal (raised by the SDK).' },
  CLOSED: { status: 0, close: 1000, retryable: false, class: 'Connection', meaning: 'The terminal was closed before (raised by the SDK).' },
  CONNECTION_FAILED: { status: 0, close: 1006, retryable: true, class: 'Connection', meaning: 'The server cannot be reached (raised by the SDK).' },
  CONNECTION_LOST: { status: 0, close: 1006, retryable: true, class: 'Connection', meaning: 'The connection was lost and could not be resumed (raised by the SDK).' },
  TOKEN_SOURCE_FAILED: { status: 0, close: 4401, retryable: true, class: 'Auth', meaning: 'The app\'s token source did not yield a token (raised by the SDK).' },
  INVALID_RESPONSE: { status: 0, close: 1006, retryable: false, class: 'Internal', meaning: 'The server answered something that is not of this contract (raised by the SDK).' },
  INVALID_OPTION: { status: 0, close: 1000, retryable: false, class: 'BadRequest', meaning: 'An option of the SDK or a component is missing or wrong; the message says which (raised by the SDK).' },
  BLOCKED_BY_POLICY: { status: 0, close: 1000, retryable: false, class: 'Forbidden', meaning: 'The page itself forbids this connection, by its Content-Security-Policy or because it was loaded by https; the message says what to change (raised by the SDK).' },
  INPUT_OVERFLOW: { status: 0, close: 1009, retryable: true, class: 'Limit', meaning: 'More input waits for the session than may; wait for the promise of write() (raised by the SDK).' },

  OUTPUT_TOO_LARGE: { status: 0, close: 1000, retryable: false, class: 'Limit', meaning: 'More output came than was to be collected; raise `maxBytes` or read a stream (raised by the SDK).' },
  COMPONENT_NOT_LOADED: { status: 0, close: 1000, retryable: true, class: 'Connection', meaning: 'A part of the page\'s own code could not be loaded, as after a new version was put in its place; reload the page (raised by the component).' },
  STYLES_MISSING: { status: 0, close: 1000, retryable: false, class: 'BadRequest', meaning: 'The document of the terminal lacks the style sheet; import @cliscale/react/styles.css, or add it to the other document (raised by the component).' },
  RECORDING_UNREADABLE: { status: 0, close: 1000, retryable: false, class: 'BadRequest', meaning: 'This is not an asciicast of version 2 or 3 (raised by the player).' },
  PLAYER_BLOCKED: { status: 0, close: 1000, retryable: false, class: 'Forbidden', meaning: 'The page forbids WebAssembly; put \'wasm-unsafe-eval\' into script-src (raised by the player).' },

  INTERNAL: { status: 500, close: 1011, retryable: true, class: 'Internal', meaning: 'The server failed unexpectedly; the request id finds it in the log.' },
} as const satisfies Record<string, ErrorRow>

/** A code of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS

/** The row of a code. */
export function errorRow(code: ErrorCode): ErrorRow {
  return ERRORS[code]
}

/** True for a code of this version; newer servers may send others. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}

/** Body of every REST error. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    /** One sentence that says what to do next. */
    readonly message: string
    /** Finds the request in the server's log. */
    readonly requestId: string
    /** More, by code; for `VALIDATION_FAILED` and `UNKNOWN_FIELD` the fields. */
    readonly details?: readonly ErrorDetail[]
  }
}

/** One field that was refused. */
export interface ErrorDetail {
  /** Where, as a JSON Pointer (RFC 6901) into the body, or the name of a query parameter or header. */
  readonly field: string
  /** What is wrong with it. */
  readonly problem: string
}

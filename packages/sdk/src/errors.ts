import type { ErrorCode, ErrorDetail } from './protocol/index.ts'

/** A code of this version, or one that a newer server sends. */
export type AnyErrorCode = ErrorCode | (string & {})

/** What an error carries beside its code and message. */
export interface CliscaleErrorFields {
  /** HTTP status; 0 when the failure has none (terminal socket, network, abort). */
  readonly status: number
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** Finds the request in the server's log. */
  readonly requestId?: string | undefined
  /** The fields that were refused. */
  readonly details?: readonly ErrorDetail[] | undefined
  /** Earliest useful retry, in milliseconds from now, when the server named one. */
  readonly retryAfterMs?: number | undefined
  /** What to do about it, when the server said so. */
  readonly hint?: string | undefined
  /** What went wrong underneath. */
  readonly cause?: unknown
}

/**
 * The one base of everything that the SDK throws. Branch on `code` (a key of `ERRORS` in `@cliscale/sdk/protocol`),
 * or on a subclass for a whole kind of failure.
 */
export class CliscaleError extends Error {
  /** The class's name. */
  override readonly name: string = 'CliscaleError'
  /** What happened; unknown codes of newer servers are kept as they are. */
  readonly code: AnyErrorCode
  /** HTTP status; 0 when the failure has none. */
  readonly status: number
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean
  /** Finds the request in the server's log. */
  readonly requestId: string | undefined
  /** The fields that were refused; empty for most codes. */
  readonly details: readonly ErrorDetail[]
  /** Earliest useful retry, in milliseconds from the answer, when the server named one. */
  readonly retryAfterMs: number | undefined
  /** What to do about it, when the server said so. */
  readonly hint: string | undefined

  constructor(code: AnyErrorCode, message: string, fields: CliscaleErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause })
    this.code = code
    this.status = fields.status
    this.retryable = fields.retryable
    this.requestId = fields.requestId
    this.details = fields.details ?? []
    this.retryAfterMs = fields.retryAfterMs
    this.hint = fields.hint
  }
}

/** The request itself is wrong: a field, its type, its size, the protocol. Change it before trying again. */
export class BadRequestError extends CliscaleError {
  override readonly name: string = 'BadRequestError'
}

/** The API key, identity or session token is missing, wrong, expired or used. */
export class AuthError extends CliscaleError {
  override readonly name: string = 'AuthError'
}

/** The caller is known but may not do this. */
export class ForbiddenError extends CliscaleError {
  override readonly name: string = 'ForbiddenError'
}

/** There is no such session, template or address. */
export class NotFoundError extends CliscaleError {
  override readonly name: string = 'NotFoundError'
}

/** The call contradicts what is there already. */
export class ConflictError extends CliscaleError {
  override readonly name: string = 'ConflictError'
}

/** The session is over. */
export class EndedError extends CliscaleError {
  override readonly name: string = 'EndedError'
}

/** A rate, quota or bound was reached. */
export class LimitError extends CliscaleError {
  override readonly name: string = 'LimitError'
}

/** The server or a part that it needs is away for now. */
export class UnavailableError extends CliscaleError {
  override readonly name: string = 'UnavailableError'
}

/** The session could not be started, or its runner was lost. */
export class ProvisioningError extends CliscaleError {
  override readonly name: string = 'ProvisioningError'
}

/** The bundle was refused: its digest, size or contents are not what was asked for or allowed. */
export class IntegrityError extends CliscaleError {
  override readonly name: string = 'IntegrityError'
}

/** Something did not happen in time. */
export class TimeoutError extends CliscaleError {
  override readonly name: string = 'TimeoutError'
}

/** The network failed, the call was aborted, or the terminal was closed. */
export class ConnectionError extends CliscaleError {
  override readonly name: string = 'ConnectionError'
}

/** The server failed unexpectedly or answered something that is not of the contract. */
export class InternalError extends CliscaleError {
  override readonly name: string = 'InternalError'
}

/** True for every error of the SDK, also of another copy of it in the same process. */
export function isCliscaleError(value: unknown): value is CliscaleError {
  return value instanceof CliscaleError || (value instanceof Error && 'retryable' in value && 'code' in value)
}

import { type ErrorCode, type ErrorDetail, errorRow } from '@cliscale/sdk/protocol'

/** What may go with a {@link CodedError}. */
export interface CodedErrorOptions {
  /** What went wrong underneath; logged, never sent. */
  readonly cause?: unknown
  /** Fields that were refused. */
  readonly details?: readonly ErrorDetail[]
  /** Earliest useful retry; becomes Retry-After and `retryAfterMs`. */
  readonly retryAfterMs?: number
}

/**
 * The only error that reaches a client as itself. Everything else that is thrown becomes `INTERNAL` with a request id.
 */
export class CodedError extends Error {
  readonly code: ErrorCode
  readonly details: readonly ErrorDetail[] | undefined
  readonly retryAfterMs: number | undefined

  /** `message` is one sentence that says what to do next; default: the code's meaning. */
  constructor(code: ErrorCode, message: string = errorRow(code).meaning, options: CodedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CodedError'
    this.code = code
    this.details = options.details
    this.retryAfterMs = options.retryAfterMs
  }

  /** HTTP status of the code. */
  get status(): number {
    return errorRow(this.code).status
  }
}

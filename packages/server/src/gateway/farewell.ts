import { closeOfError, type ErrorCode, errorRow } from '@cliscale/sdk/protocol'
import { type Farewell, messageFrame } from './frames.ts'
import { FLAG, type Link } from './link.ts'

const NOTHING = Buffer.alloc(0)

/** What goes with an error beside its code. */
export interface ErrorDetails {
  /** One sentence. Default: the meaning of the code. */
  readonly message?: string | undefined
  /** When to come back. */
  readonly retryAfterMs?: number | undefined
}

/** The farewell of a coded error: a typed `E` where the client knows it, then the code's close. */
export function errorFarewell(link: Link, code: ErrorCode, details: ErrorDetails): Farewell {
  const { meaning, retryable } = errorRow(code)
  const { message = meaning, retryAfterMs } = details
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  const error = { code, message, retryable, ...wait, requestId: link.requestId }
  return {
    ...closeOfError(code),
    message: link.is(FLAG.tty) ? NOTHING : messageFrame({ type: 'error', error }),
  }
}

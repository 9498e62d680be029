import type { CloseCode } from './close-codes.ts'
import { type ErrorCode, errorRow } from './error-codes.ts'
import type { EndReason, SessionExit } from './phases.ts'

/** What a close frame says. The message before it, `E` or `X`, says more. */
export interface Close {
  readonly code: CloseCode
  /** One word: the error's code, or at 1000 how the session ended. */
  readonly reason: ErrorCode | EndReason
}

/** The close after an error. */
export function closeOfError(code: ErrorCode): Close {
  return { code: errorRow(code).close, reason: code }
}

/** The close after the end of a session. */
export function closeOfExit({ reason }: SessionExit): Close {
  return { code: 1000, reason }
}

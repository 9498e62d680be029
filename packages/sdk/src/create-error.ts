import {
  type AnyErrorCode,
  AuthError,
  BadRequestError,
  type CliscaleError,
  type CliscaleErrorFields,
  ConflictError,
  ConnectionError,
  EndedError,
  ForbiddenError,
  IntegrityError,
  InternalError,
  LimitError,
  NotFoundError,
  ProvisioningError,
  TimeoutError,
  UnavailableError,
} from './errors.ts'
import {
  type ErrorClass,
  type ErrorCode,
  errorRow,
  type Failure,
  isErrorCode,
  type SessionExit,
} from './protocol/index.ts'

const CLASSES = {
  BadRequest: BadRequestError,
  Auth: AuthError,
  Forbidden: ForbiddenError,
  NotFound: NotFoundError,
  Conflict: ConflictError,
  Ended: EndedError,
  Limit: LimitError,
  Unavailable: UnavailableError,
  Provisioning: ProvisioningError,
  Integrity: IntegrityError,
  Timeout: TimeoutError,
  Connection: ConnectionError,
  Internal: InternalError,
} as const satisfies Record<ErrorClass, typeof CliscaleError>

/** Makes the error of a code: class, status and `retryable` come from the table unless `fields` says otherwise. */
export function createError(
  code: ErrorCode,
  message?: string,
  fields: Partial<CliscaleErrorFields> = {},
): CliscaleError {
  const row = errorRow(code)
  const { status = row.status, retryable = row.retryable } = fields
  return new CLASSES[row.class](code, message ?? row.meaning, { ...fields, status, retryable })
}

/** Makes the error of a code that may be of a newer server; the class of an unknown code follows from the status. */
export function createAnyError(
  code: AnyErrorCode,
  message: string,
  fields: Partial<CliscaleErrorFields> & { readonly status: number },
): CliscaleError {
  if (isErrorCode(code)) return createError(code, message, fields)
  const { retryable = isRetryableStatus(fields.status) } = fields
  return new CLASSES[classOfStatus(fields.status)](code, message, { ...fields, retryable })
}

/** Makes the error of a failed session. */
export function createFailureError(failure: Failure): CliscaleError {
  if (isErrorCode(failure.code)) {
    return createError(failure.code, failure.message, { hint: failure.hint, retryable: false })
  }
  return new ProvisioningError(failure.code, failure.message, {
    status: 0,
    retryable: false,
    hint: failure.hint,
  })
}

/**
 * Why a session's end is no end of its command: it failed, or was ended before the command ran or by force, so that how it
 * ended is not known. Undefined when the command came to an end of its own or by a signal.
 */
export function createExitError({ code, signal, reason, failure }: SessionExit): CliscaleError | undefined {
  if (failure !== undefined) return createFailureError(failure)
  if (code !== null || signal !== null) return undefined
  if (reason === 'failed') return createError('START_FAILED', undefined, { retryable: false })
  return createError(
    'SESSION_ENDED',
    `The session was ended (${reason}) before its command had run to its end.`,
  )
}

/** True for an answer after which the same request may succeed later. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501)
}

function classOfStatus(status: number): ErrorClass {
  if (status === 401) return 'Auth'
  if (status === 403) return 'Forbidden'
  if (status === 404) return 'NotFound'
  if (status === 408 || status === 504) return 'Timeout'
  if (status === 409) return 'Conflict'
  if (status === 410) return 'Ended'
  if (status === 429) return 'Limit'
  if (status === 502 || status === 503) return 'Unavailable'
  return status >= 400 && status < 500 ? 'BadRequest' : 'Internal'
}

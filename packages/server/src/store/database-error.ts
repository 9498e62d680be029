import { CodedError } from '../http/coded-error.ts'

/** Node's codes of a connection that could not be made or broke. */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
])

/**
 * SQLSTATEs that say that the server goes away, is not up yet, has no free connection or was too slow
 * (PostgreSQL 18, appendix A). Class 08 is checked apart.
 */
const UNAVAILABLE_STATES = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '57014', '25P03'])

/**
 * SQLSTATEs of class 22 that say that a value is not one of its type: text that is no Unicode, JSON that holds U+0000 or half a
 * character, times and numbers out of range. Whatever reached the database with one came from outside.
 */
const UNSTORABLE_STATES = new Set(['22021', '22P05', '22P02', '22003', '22007', '22008', '22030'])

/** Messages of `pg` and `pg-pool`, which carry no code. */
const LOST =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Query read timeout|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end)/

/** Earliest useful retry: about what a restart of the embedded server takes. */
const RETRY_AFTER_MS = 1_000

/** `error` itself, or `DATABASE_UNAVAILABLE` when it tells of a lost, missing or overloaded database. */
export function toDatabaseError(error: unknown): unknown {
  if (error instanceof CodedError || !isUnavailable(error)) return error
  return new CodedError('DATABASE_UNAVAILABLE', undefined, { cause: error, retryAfterMs: RETRY_AFTER_MS })
}

/** The same for statements with values of callers; one that cannot be kept is told without its cause, which quotes it. */
export function toStatementError(error: unknown): unknown {
  if (!UNSTORABLE_STATES.has(stateOf(error))) return toDatabaseError(error)
  return new CodedError(
    'VALIDATION_FAILED',
    'A value of this call cannot be kept: it is out of range or no text.',
  )
}

function stateOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** True for an error that tells of a lost, missing or overloaded database. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isUnavailable)
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  if (typeof code !== 'string') return LOST.test(error.message)
  return NETWORK_CODES.has(code) || UNAVAILABLE_STATES.has(code) || code.startsWith('08')
}

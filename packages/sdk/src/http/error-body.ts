import { createAnyError, createError, isRetryableStatus } from '../create-error.ts'
import type { CliscaleError } from '../errors.ts'
import { wordsOf } from './foreign-answer.ts'
import { type ErrorDetail, isObject, type JsonObject } from '../protocol/index.ts'

/** The parts of a refusal over HTTP. */
export interface Refusal {
  readonly status: number
  /** The body. */
  readonly text: string
  /** The pause that it asks for; see {@link retryAfterOf}. */
  readonly retryAfterMs: number | undefined
  readonly requestId: string | undefined
}

/** Makes the error that a server's answer holds; an answer of something else (a proxy) becomes one by its status. */
export function errorFromBody({ status, text, retryAfterMs, requestId }: Refusal): CliscaleError {
  const body = parse(text)
  const error = isObject(body?.error) ? body.error : undefined
  if (typeof error?.code === 'string' && typeof error.message === 'string') {
    return createAnyError(error.code, error.message, {
      status,
      retryAfterMs,
      requestId: typeof error.requestId === 'string' ? error.requestId : requestId,
      details: details(error.details),
    })
  }
  const said = wordsOf(text)
  const message =
    said === undefined
      ? `The server answered ${status} without saying why; is baseUrl the address of a Cliscale server?`
      : `The server answered ${status}: ${said}`
  const retryable = isRetryableStatus(status)
  return createError(retryable ? 'OVERLOADED' : 'INVALID_RESPONSE', message, {
    status,
    retryable,
    retryAfterMs,
    requestId,
  })
}

/**
 * The pause that an answer asks for with Retry-After (RFC 9110 §10.2.3), in milliseconds. A date, as proxies send it, is
 * compared with the answer's own, never with a clock here.
 */
export function retryAfterOf(headers: Pick<Headers, 'get'>): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d{1,6}$/.test(value)) return Number(value) * 1_000
  const left = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isFinite(left) ? Math.max(0, left) : undefined
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined // Not ours; the status says enough.
  }
}

function details(value: unknown): readonly ErrorDetail[] {
  if (!Array.isArray(value)) return []
  return value.filter(
    (item: unknown): item is ErrorDetail =>
      isObject(item) && typeof item.field === 'string' && typeof item.problem === 'string',
  )
}

import { createAnyError, createError, isRetryableStatus } from '../create-error.ts'
import type { CliscaleError } from '../errors.ts'
import { type ErrorDetail, isObject, type JsonObject } from '../protocol/index.ts'

/** The parts of a refusal over HTTP. */
export interface Refusal {
  readonly status: number
  /** The body. */
  readonly text: string
  /** Header Retry-After, in seconds (RFC 9110 §10.2.3); dates are not used by our servers and are ignored. */
  readonly retryAfter: string | null
  readonly requestId: string | undefined
}

/** Makes the error that a server's answer holds; an answer of something else (a proxy) becomes one by its status. */
export function errorFromBody({ status, text, retryAfter, requestId }: Refusal): CliscaleError {
  const retryAfterMs = seconds(retryAfter)
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
  const message = `The server answered ${status} without saying why; is baseUrl the address of a Cliscale server?`
  const retryable = isRetryableStatus(status)
  return createError(retryable ? 'OVERLOADED' : 'INVALID_RESPONSE', message, {
    status,
    retryable,
    retryAfterMs,
    requestId,
  })
}

function seconds(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : undefined
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

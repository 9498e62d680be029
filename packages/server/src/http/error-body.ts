import type { ErrorBody, ErrorCode } from '@cliscale/sdk/protocol'
import { CodedError } from './coded-error.ts'

/** Codes of Fastify's own refusals (docs/Reference/Errors.md) and what they are in ours. */
const FASTIFY_CODES: Readonly<Record<string, readonly [ErrorCode, string?]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA_TYPE'],
  FST_ERR_CTP_EMPTY_TYPE: ['UNSUPPORTED_MEDIA_TYPE'],
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: ['UNSUPPORTED_MEDIA_TYPE'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [
    'BAD_REQUEST',
    'The body has another length than Content-Length says.',
  ],
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE'],
  FST_ERR_CTP_EMPTY_JSON_BODY: ['MALFORMED_JSON', 'The body is empty.'],
  FST_ERR_CTP_INVALID_JSON_BODY: ['MALFORMED_JSON'],
  FST_ERR_BAD_URL: ['BAD_REQUEST', 'The address is not a valid URL path.'],
  FST_ERR_MAX_PARAM_LENGTH: ['NOT_FOUND'],
  FST_ERR_ASYNC_CONSTRAINT: ['BAD_REQUEST'],
  FST_ERR_REQ_INVALID_VALIDATION_INVOCATION: ['INTERNAL'],
}

/** What a client may know of anything that was thrown. Unknown errors become `INTERNAL`, their text stays here. */
export function toCodedError(error: unknown): CodedError {
  if (error instanceof CodedError) return error
  const known = FASTIFY_CODES[codeOf(error)]
  if (known !== undefined) return new CodedError(known[0], known[1], { cause: error })
  return new CodedError('INTERNAL', undefined, { cause: error })
}

/** The body of a refusal. */
export function toErrorBody(error: CodedError, requestId: string): ErrorBody {
  return {
    error: {
      code: error.code,
      message: error.message,
      requestId,
      ...(error.details === undefined ? {} : { details: error.details }),
    },
  }
}

/** HTTP status of a refusal; codes that only the SDK raises count as the server's fault. */
export function statusOf(error: CodedError): number {
  return error.status === 0 ? 500 : error.status
}

/** Value of Retry-After in whole seconds, when the error names a time. */
export function retryAfterSeconds(error: CodedError): string | undefined {
  return error.retryAfterMs === undefined
    ? undefined
    : String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000)))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

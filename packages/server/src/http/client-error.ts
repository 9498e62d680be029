import type { Socket } from 'node:net'
import { CodedError } from './coded-error.ts'
import { statusOf, toErrorBody } from './error-body.ts'
import { requestIdOf } from './request-id.ts'

const STATUS_TEXT: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
}

/**
 * Answers a request that Node's parser gave up on, before any route could: headers over the limit, headers or body
 * that do not come, bytes that are not HTTP. A socket that cannot be written to is closed.
 */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const coded = refusalOf(error)
  const body = JSON.stringify(toErrorBody(coded, requestIdOf({ headers: {} })))
  const status = statusOf(coded)
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_TEXT[status] ?? 'Error'}\r\n` +
      'Content-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

function refusalOf(error: { readonly code?: string }): CodedError {
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return new CodedError('HEADERS_TOO_LARGE')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new CodedError('HANDSHAKE_TIMEOUT', 'The request did not arrive in time.')
    default:
      return new CodedError('BAD_REQUEST', 'This is not an HTTP request that can be understood.')
  }
}

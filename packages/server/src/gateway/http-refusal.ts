import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { CodedError } from '../http/coded-error.ts'
import { retryAfterSeconds, toErrorBody } from '../http/error-body.ts'

const LINGER_MS = 1_000

/**
 * Answers a refused upgrade by HTTP and closes. A bare close would look like a broken network to the client, so the
 * answer gets a second to arrive.
 */
export function refuseByHttp(socket: Socket, error: CodedError, requestId: string): void {
  const text = JSON.stringify(toErrorBody(error, requestId))
  const seconds = retryAfterSeconds(error)
  const retryAfter = seconds === undefined ? '' : `Retry-After: ${seconds}\r\n`
  const upgrade = error.status === 426 ? 'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' : ''
  const allow = error.status === 405 ? 'Allow: GET\r\n' : ''
  socket.end(
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}\r\nConnection: close\r\n` +
      `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\n` +
      `Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ${requestId}\r\n` +
      `${retryAfter}${upgrade}${allow}\r\n${text}`,
  )
  socket.resume()
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}

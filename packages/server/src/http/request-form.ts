import type { IncomingMessage } from 'node:http'
import { CodedError } from './coded-error.ts'

/** The part of a request that its form shows in. */
export type FormedRequest = Pick<
  IncomingMessage,
  'method' | 'url' | 'headers' | 'rawHeaders' | 'httpVersionMajor' | 'httpVersionMinor'
>

/**
 * Refuses requests whose form two programs read in two ways: what a proxy before this server saw as one request, for one host,
 * must not be another one here (request smuggling, RFC 9112 §3.2 and §6.3). It is asked on every listener, upgrades included.
 *
 * @throws {CodedError} `BAD_REQUEST`
 */
export function assertForm(request: FormedRequest): void {
  const problem = problemOf(request)
  if (problem !== null) throw new CodedError('BAD_REQUEST', problem)
}

function problemOf(request: FormedRequest): string | null {
  const { method, url = '', headers, httpVersionMajor: major, httpVersionMinor: minor } = request
  const hosts = countOf(request, 'host')
  if (hosts > 1) return 'The request has more than one Host header; send one.'
  if (hosts === 0 && (major > 1 || minor > 0)) return 'The request has no Host header; send one.'
  if (!url.startsWith('/') && !(url === '*' && method === 'OPTIONS'))
    return 'The request names a whole URL as its target; send the path, and the host in the Host header.'
  const chunked = headers['transfer-encoding'] !== undefined
  if (chunked && headers['content-length'] !== undefined)
    return 'The request has both Transfer-Encoding and Content-Length; send one of them.'
  if (!isWebSocket(request)) return null
  if (chunked || Number(headers['content-length'] ?? 0) !== 0)
    return 'A request to open a WebSocket has no body; send none.'
  return null
}

function isWebSocket({ headers }: FormedRequest): boolean {
  return (headers.upgrade ?? '').toLowerCase().includes('websocket')
}

/** `headers` holds the first of several only. */
function countOf({ rawHeaders }: FormedRequest, name: string): number {
  let count = 0
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at]?.toLowerCase() === name) count += 1
  return count
}

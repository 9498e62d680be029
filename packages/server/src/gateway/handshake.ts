import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  BEARER_SUBPROTOCOL_PREFIX,
  type ErrorCode,
  TERMINAL_SUBPROTOCOLS,
  type TerminalSubprotocol,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'

/** What an upgrade request says, once it is known to be a well-formed WebSocket handshake of a terminal. */
export interface Handshake {
  readonly sessionId: string
  /** `Sec-WebSocket-Key`. */
  readonly key: string
  readonly subprotocol: TerminalSubprotocol
  /** Null when the request carries none. */
  readonly token: string | null
}

const TERMINAL_PATH = /^\/v1\/sessions\/([\w-]{1,64})\/terminal(?:\?|$)/
const KEY = /^[A-Za-z0-9+/]{22}==$/
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** Fits Node's `shouldUpgradeCallback`: other requests with an Upgrade header are served as if they had none. */
export function isTerminalUpgrade(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket' && TERMINAL_PATH.test(request.url ?? '')
}

/**
 * Reads a terminal's handshake (RFC 6455 §4.2.1).
 * @throws {CodedError} for anything else; such a request gets its answer by HTTP
 */
export function readHandshake(request: IncomingMessage): Handshake {
  const { headers } = request
  const sessionId = TERMINAL_PATH.exec(request.url ?? '')?.[1]
  if (sessionId === undefined) throw new CodedError('NOT_FOUND')
  if (request.method !== 'GET') throw new CodedError('METHOD_NOT_ALLOWED', 'Open the terminal with GET.')
  if (headers.upgrade?.toLowerCase() !== 'websocket') throw new CodedError('UPGRADE_REQUIRED')
  if (headers['sec-websocket-version'] !== '13') {
    throw new CodedError('UPGRADE_REQUIRED', 'The terminal speaks WebSocket version 13.')
  }
  const key = headers['sec-websocket-key']
  if (key === undefined || !KEY.test(key)) {
    throw new CodedError('BAD_REQUEST', 'Sec-WebSocket-Key must be 16 bytes in base64.')
  }
  const offers = headers['sec-websocket-protocol']?.split(',').map((offer) => offer.trim()) ?? []
  const subprotocol = TERMINAL_SUBPROTOCOLS.find((known) => offers.includes(known))
  if (subprotocol === undefined) throw new CodedError('SUBPROTOCOL_REQUIRED')
  return { sessionId: flat(sessionId), key, subprotocol, token: readToken(offers, headers.authorization) }
}

function readToken(offers: readonly string[], authorization: string | undefined): string | null {
  const offer = offers.find((one) => one.startsWith(BEARER_SUBPROTOCOL_PREFIX))
  if (offer !== undefined) return offer.slice(BEARER_SUBPROTOCOL_PREFIX.length)
  return /^bearer +([^\s]+)$/i.exec(authorization ?? '')?.[1] ?? null
}

/** A copy: a part of the request line would keep all of it alive for as long as the terminal is open. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

/** `Sec-WebSocket-Accept` for a key (RFC 6455 §4.2.2). */
export function acceptKey(key: string): string {
  return hash('sha1', key + GUID, 'base64')
}

/** The gateway's 101. It never offers an extension: compression would blind the frame tracker and cost 0.5 MB a pair. */
export function switchingProtocols(handshake: Handshake, requestId: string): string {
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${acceptKey(handshake.key)}\r\n` +
    `Sec-WebSocket-Protocol: ${handshake.subprotocol}\r\nX-Request-Id: ${requestId}\r\n\r\n`
  )
}

/** True for refusals that a client whose handshake is complete learns through its socket, not by HTTP. */
export function isTypedRefusal(code: ErrorCode): boolean {
  return !HTTP_ONLY.has(code)
}

const HTTP_ONLY: ReadonlySet<ErrorCode> = new Set([
  'HOST_REFUSED',
  'OVERLOADED',
  'DRAINING',
] satisfies ErrorCode[])

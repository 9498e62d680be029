import WebSocketOfPlatform from 'isomorphic-ws'
import { watchPolicy } from '../http/page-policy.ts'
import { BEARER_SUBPROTOCOL_PREFIX, CLISCALE_SUBPROTOCOL, MAX_SERVER_FRAME_BYTES } from '../protocol/index.ts'

/** Events of a {@link Socket}. */
export interface SocketEvents {
  readonly open: unknown
  readonly message: { readonly data: unknown }
  readonly close: { readonly code: number; readonly reason: string }
  readonly error: { readonly message?: string; readonly error?: unknown }
}

/** The part of a WebSocket that browsers and `ws` share, without the platform's types. */
export interface Socket {
  binaryType: string
  readonly protocol: string
  send(data: Uint8Array): void
  close(code?: number, reason?: string): void
  addEventListener<E extends keyof SocketEvents>(type: E, listener: (event: SocketEvents[E]) => void): void
  /** `ws` only: ends the connection without a handshake. */
  terminate?(): void
  /** `ws` only. */
  on?(event: 'unexpected-response', listener: (request: unknown, response: UpgradeResponse) => void): void
}

/** The answer to an upgrade that was refused before it became a WebSocket; only `ws` shows it. */
export interface UpgradeResponse extends AsyncIterable<Uint8Array> {
  readonly statusCode?: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

type SocketConstructor = new (url: string, protocols: readonly string[], options?: object) => Socket

/**
 * Opens a terminal socket. Browsers cannot set headers on a WebSocket, so there the token travels as a subprotocol;
 * `ws` sends it as `Authorization`. Neither puts it into the address, which ends in logs.
 */
export function openSocket(url: string, token: string): Socket {
  const Constructor = WebSocketOfPlatform as unknown as SocketConstructor
  watchPolicy()
  const socket = isNodeSocket(Constructor)
    ? new Constructor(url, [CLISCALE_SUBPROTOCOL], {
        headers: { authorization: `Bearer ${token}` },
        perMessageDeflate: false,
        maxPayload: MAX_SERVER_FRAME_BYTES,
      })
    : new Constructor(url, [CLISCALE_SUBPROTOCOL, BEARER_SUBPROTOCOL_PREFIX + token])
  socket.binaryType = 'arraybuffer'
  return socket
}

/** The bytes of a message; text (no server of ours sends it) is none. */
export function messageBytes(data: unknown): Uint8Array | undefined {
  const isBuffer = Object.prototype.toString.call(data) === '[object ArrayBuffer]'
  return isBuffer ? new Uint8Array(data as ArrayBuffer) : undefined
}

/** `ws` can ping and takes headers; a browser's WebSocket can do neither. */
function isNodeSocket(Constructor: SocketConstructor): boolean {
  return 'ping' in (Constructor.prototype as object)
}

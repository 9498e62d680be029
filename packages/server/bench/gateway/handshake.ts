import { hash } from 'node:crypto'

/** Key that the bench's clients send. A fixed one saves the same time for all. */
export const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** The request of a browser: about 1.2 KB with a token of the usual size. */
export function upgradeText(path: string, token: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    'Pragma: no-cache\r\nCache-Control: no-cache\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n' +
    'Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n' +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${KEY}\r\n` +
    `Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n` +
    `Sec-WebSocket-Protocol: cliscale.v1, cliscale.bearer.${token}\r\n\r\n`
  )
}

/** The answer to a key. */
export function acceptText(key: string): string {
  const accept = hash('sha1', `${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`, 'base64')
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: cliscale.v1\r\n\r\n`
  )
}

/** A masked frame of a client (mask zero: masking is the client's cost, not the proxy's). */
export function clientFrame(payload: Buffer): Buffer {
  const extended = payload.length < 126 ? 0 : 2
  const frame = Buffer.alloc(6 + extended + payload.length)
  frame[0] = 0x82
  frame[1] = 0x80 | (extended === 0 ? payload.length : 126)
  if (extended > 0) frame.writeUInt16BE(payload.length, 2)
  payload.copy(frame, 6 + extended)
  return frame
}

/** A frame of a server. */
export function serverFrame(payload: Buffer): Buffer {
  const { length } = payload
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const frame = Buffer.alloc(2 + extended + length)
  frame[0] = 0x82
  frame[1] = extended === 0 ? length : extended === 2 ? 126 : 127
  if (extended === 2) frame.writeUInt16BE(length, 2)
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2)
  payload.copy(frame, 2 + extended)
  return frame
}

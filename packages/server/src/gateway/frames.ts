import { type Close, encodeServerMessage, type ServerMessage } from '@cliscale/sdk/protocol'
import { OPCODE } from './frame-tracker.ts'

/** First and only payload byte of the gateway's own pings, by which it knows the answers to them. */
export const PING_MARK = 0x67

/** A ping of the gateway. */
export const PING: Buffer = serverFrame(OPCODE.ping, Buffer.from([PING_MARK]))

/** One whole, unmasked frame. */
export function serverFrame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload
  const extended = length < 126 ? 0 : length < 0x1_0000 ? 2 : 8
  const frame = Buffer.allocUnsafe(2 + extended + length)
  frame[0] = 0x80 | opcode
  frame[1] = extended === 0 ? length : extended === 2 ? 126 : 127
  if (extended === 2) frame.writeUInt16BE(length, 2)
  if (extended === 8) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.set(payload, 2 + extended)
  return frame
}

/** A terminal message in one binary frame. */
export function messageFrame(message: ServerMessage): Buffer {
  return serverFrame(OPCODE.binary, encodeServerMessage(message))
}

/** A close frame; `reason` is a word of a few letters. */
export function closeFrame(code: number, reason = ''): Buffer {
  const text = Buffer.from(reason)
  const payload = Buffer.allocUnsafe(2 + text.length)
  payload.writeUInt16BE(code, 0)
  payload.set(text, 2)
  return serverFrame(OPCODE.close, payload)
}

/** How the gateway takes leave of a client. */
export interface Farewell extends Close {
  /** Message that goes before the close where the subprotocol knows it; may be empty. */
  readonly message: Buffer
}

import {
  type CloseCode,
  encodeServerMessage,
  type ErrorCode,
  errorRow,
  type ServerMessage,
} from '@cliscale/sdk/protocol'
import { OPCODE } from './frame-tracker.ts'

/** First and only payload byte of the gateway's own pings, by which it knows the answers to them. */
export const PING_MARK = 0x67

/** A ping of the gateway. */
export const PING: Buffer = serverFrame(OPCODE.ping, Buffer.from([PING_MARK]))

const NOTHING = Buffer.alloc(0)

/** Longest reason of a close frame: 125 bytes of a control frame less two for the code (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123

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

/** A close frame; `reason` is cut to what fits. */
export function closeFrame(code: number, reason = ''): Buffer {
  const text = wholeCharacters(Buffer.from(reason), MAX_REASON_BYTES)
  const payload = Buffer.allocUnsafe(2 + text.length)
  payload.writeUInt16BE(code, 0)
  payload.set(text, 2)
  return serverFrame(OPCODE.close, payload)
}

/** Cuts UTF-8 to at most `max` bytes without cutting a character. */
function wholeCharacters(text: Buffer, max: number): Buffer {
  let end = Math.min(text.length, max)
  while (end < text.length && end > 0 && ((text[end] as number) & 0xc0) === 0x80) end -= 1
  return text.subarray(0, end)
}

/** How the gateway takes leave of a client. */
export interface Farewell {
  readonly code: CloseCode
  readonly reason: string
  /** Message that goes before the close where the subprotocol knows it; may be empty. */
  readonly message: Buffer
}

/** What goes with an error beside its code. */
export interface ErrorContext {
  readonly message?: string | undefined
  readonly retryAfterMs?: number | undefined
  readonly requestId: string
  /** True when the client settled on `cliscale.v1`; stock `tty` clients know no `E`. */
  readonly typed: boolean
}

/** The farewell of a coded error: a typed `E` where the client knows it, then the code's close with its sentence. */
export function errorFarewell(code: ErrorCode, context: ErrorContext): Farewell {
  const row = errorRow(code)
  const text = context.message ?? row.meaning
  const message = context.typed
    ? messageFrame({
        type: 'error',
        error: {
          code,
          message: text,
          retryable: row.retryable,
          ...(context.retryAfterMs === undefined ? {} : { retryAfterMs: context.retryAfterMs }),
          requestId: context.requestId,
        },
      })
    : NOTHING
  return { code: row.close, reason: `${code}: ${text}`, message }
}

import { randomBytes } from 'node:crypto'

/** A frame as the tests write it, by a second, independent encoder. */
export interface RawFrame {
  readonly opcode: number
  readonly fin?: boolean
  readonly payload: Uint8Array
  /** Four bytes for a client's frame. */
  readonly mask?: Uint8Array
  readonly rsv?: number
}

/** Wire bytes of a frame. */
export function rawFrame(frame: RawFrame): Buffer {
  const { payload, mask } = frame
  const head: number[] = [((frame.fin ?? true) ? 0x80 : 0) | ((frame.rsv ?? 0) << 4) | frame.opcode]
  const maskBit = mask === undefined ? 0 : 0x80
  if (payload.length < 126) head.push(maskBit | payload.length)
  else if (payload.length < 65_536) head.push(maskBit | 126, payload.length >> 8, payload.length & 255)
  else head.push(maskBit | 127, ...eightBytes(payload.length))
  if (mask === undefined) return Buffer.concat([Buffer.from(head), payload])
  const masked = Buffer.from(payload)
  for (let i = 0; i < masked.length; i += 1) masked[i] = masked[i]! ^ mask[i % 4]!
  return Buffer.concat([Buffer.from(head), mask, masked])
}

/** A client's binary message: opcode character and body. */
export function clientMessage(opcode: string, body: string | Uint8Array = ''): Buffer {
  const payload = Buffer.concat([Buffer.from(opcode), Buffer.from(body as string)])
  return rawFrame({ opcode: 2, payload, mask: randomBytes(4) })
}

function eightBytes(value: number): number[] {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return [...bytes]
}

/** Cuts `bytes` at the given offsets. */
export function cut(bytes: Buffer, offsets: readonly number[]): Buffer[] {
  const points = [...new Set(offsets.map((o) => o % (bytes.length + 1)))].toSorted((a, b) => a - b)
  const chunks: Buffer[] = []
  let from = 0
  for (const point of points) {
    chunks.push(bytes.subarray(from, point))
    from = point
  }
  chunks.push(bytes.subarray(from))
  return chunks
}

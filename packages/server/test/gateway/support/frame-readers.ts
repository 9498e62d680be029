import { FRAME_FAULTS, FrameScanner, FrameState, SCAN } from '../../../src/gateway/frame-tracker.ts'

/** Largest message of both readers. */
const MAX = 65_536

/** What a reader found: opcode and length of each frame, and the code of the fault that ended it. */
export interface ReadResult {
  readonly frames: readonly (readonly [opcode: number, length: number])[]
  readonly fault: string | null
}

/** Reads with the gateway's tracker, skimming first where the gateway does. */
export function trackerRead(chunks: readonly Uint8Array[], masked: boolean): ReadResult {
  const scanner = new FrameScanner({ masked, maxMessageBytes: MAX })
  const state = new FrameState()
  const frames: [number, number][] = []
  for (const chunk of chunks) {
    let at = 0
    for (;;) {
      at = scanner.scan(state, chunk, at)
      if (scanner.event !== SCAN.frame) break
      frames.push([scanner.opcode, scanner.length])
    }
    if (scanner.event !== SCAN.more) return { frames, fault: FRAME_FAULTS[scanner.event]?.code ?? 'unknown' }
  }
  return { frames, fault: null }
}

/** Reads the whole stream at once, straight from RFC 6455 §5.2, slowly and plainly. */
export function referenceRead(bytes: Buffer, masked: boolean): ReadResult {
  const frames: [number, number][] = []
  let open = -1
  let at = 0
  const malformed = (): ReadResult => ({ frames, fault: 'MALFORMED_FRAME' })
  while (at + 2 <= bytes.length) {
    const [first = 0, second = 0] = bytes.subarray(at)
    const short = second & 127
    const extended = short === 126 ? 2 : short === 127 ? 8 : 0
    const hasMask = second > 127
    const body = at + 2 + extended + (hasMask ? 4 : 0)
    if (body > bytes.length) break
    const length =
      extended === 0
        ? short
        : extended === 2
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2))
    // The tracker judges a client's frame only when its first payload byte is there.
    if (masked && length > 0 && body === bytes.length && hasMask) break
    const opcode = first & 15
    const fin = first > 127
    if ((first & 0x70) !== 0 || (opcode > 2 && opcode < 8) || opcode > 10 || hasMask !== masked)
      return malformed()
    if (opcode >= 8) {
      if (!fin || short > 125) return malformed()
    } else {
      if ((extended === 2 && length < 126) || (extended === 8 && length < 65_536)) return malformed()
      if ((opcode === 0) !== open >= 0) return malformed()
      if (Math.max(open, 0) + length > MAX) return { frames, fault: 'FRAME_TOO_LARGE' }
      open = fin ? -1 : Math.max(open, 0) + length
    }
    frames.push([opcode, length])
    at = body + length
  }
  return { frames, fault: null }
}

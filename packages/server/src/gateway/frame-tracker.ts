import type { ErrorCode } from '@cliscale/sdk/protocol'

/** Opcodes of WebSocket frames (RFC 6455 §5.2). */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** What {@link FrameScanner.scan} stopped at; any larger value is the index of a fault in {@link FRAME_FAULTS}. */
export const SCAN = { more: 0, frame: 1 } as const

/** Why a frame is refused. */
export interface FrameFault {
  readonly code: ErrorCode
  /** One sentence for the error message. */
  readonly message: string
}

const FAULT = {
  reservedBits: 2,
  reservedOpcode: 3,
  mask: 4,
  control: 5,
  length: 6,
  order: 7,
  size: 8,
} as const

/** Faults by the value of {@link FrameScanner.event}. */
export const FRAME_FAULTS: Readonly<Record<number, FrameFault>> = {
  [FAULT.reservedBits]: { code: 'MALFORMED_FRAME', message: 'A frame uses reserved bits.' },
  [FAULT.reservedOpcode]: { code: 'MALFORMED_FRAME', message: 'A frame has a reserved opcode.' },
  [FAULT.mask]: { code: 'MALFORMED_FRAME', message: 'A frame has the wrong masking for its sender.' },
  [FAULT.control]: { code: 'MALFORMED_FRAME', message: 'A control frame is fragmented or over 125 bytes.' },
  [FAULT.length]: { code: 'MALFORMED_FRAME', message: 'A frame does not use the shortest length field.' },
  [FAULT.order]: { code: 'MALFORMED_FRAME', message: 'A fragment is out of order.' },
  [FAULT.size]: { code: 'FRAME_TOO_LARGE', message: 'A message is over the limit; split large input.' },
}

/** What a direction allows. */
export interface FrameRules {
  /** Client frames are masked, server frames are not (RFC 6455 §5.1). */
  readonly masked: boolean
  /** Largest payload of a message, all its fragments together, in bytes. At most 2^29. */
  readonly maxMessageBytes: number
}

/**
 * Where one direction of a connection stands. Three small integers, so that a connection costs little and V8 never has
 * to box them.
 */
export class FrameState {
  /** Header bytes of a frame whose header is not complete: first | second << 8 | first mask byte << 16 | seen << 24. */
  header = 0
  /** Payload bytes of the current frame that are still to come; while a header is incomplete, its length so far. */
  remaining = 0
  /** 0 between messages, else one more than the payload bytes of the unfinished message so far. */
  message = 0

  /** True between two frames. */
  get atBoundary(): boolean {
    return this.header === 0 && this.remaining === 0
  }

  /** True between two messages: the only place where a message of the gateway's own may be put in. */
  get betweenMessages(): boolean {
    return this.header === 0 && this.remaining === 0 && this.message === 0
  }

  /** Back to the beginning of a stream. */
  reset(): void {
    this.header = 0
    this.remaining = 0
    this.message = 0
  }
}

const NEVER_FITS = 0x3fff_ffff
/** First byte of a whole binary message in one frame. */
const PLAIN = 0x82
const LONGEST_HEADER = 14
const SEEN = 24

/**
 * Follows RFC 6455 frame headers over arbitrary chunks without copying or changing a byte. One scanner serves all
 * connections of a direction: what differs between connections is in their {@link FrameState}, what the last call found
 * is in the scanner's fields until the next call.
 */
export class FrameScanner {
  private readonly rules: FrameRules
  /** {@link SCAN} or a fault. */
  event: number = SCAN.more
  /** WebSocket opcode of the frame. */
  opcode = 0
  /** True for the last fragment of a message and for control frames. */
  fin = false
  /** Payload bytes of the frame. */
  length = 0
  /** First payload byte, unmasked; -1 for an empty frame. Only for masked directions. */
  lead = -1
  /** Frames that the last {@link skim} skipped. */
  skimmed = 0
  /** Offset in the chunk at which the frame began; negative when its header began in earlier chunks. */
  frameAt = 0

  constructor(rules: FrameRules) {
    this.rules = rules
  }

  /**
   * Goes on at offset `at` of `chunk` and returns the offset at which it stopped. With `event` = `frame` that is the
   * frame's first payload byte: the header was complete, and for masked directions the first payload byte was there.
   * With `more` it is the end of the chunk. After a fault the state is of no more use.
   */
  scan(state: FrameState, chunk: Uint8Array, at: number): number {
    const end = chunk.length
    if (state.header !== 0) return this.carry(state, chunk, at)
    if (state.remaining >= end - at) {
      state.remaining -= end - at
      this.event = SCAN.more
      return end
    }
    at += state.remaining
    state.remaining = 0
    if (end - at <= LONGEST_HEADER) return this.carry(state, chunk, at)
    const second = chunk[at + 1] as number
    const body = at + headerLength(second)
    this.frameAt = at
    this.accept(state, chunk[at] as number, second, extendedLength(chunk, at + 2, second & 0x7f))
    this.lead =
      this.rules.masked && this.length > 0 ? (chunk[body - 4] as number) ^ (chunk[body] as number) : -1
    return body
  }

  /**
   * Skips plain frames (binary, whole, unmasked, none open before) from the beginning of `chunk`, at a few nanoseconds
   * each, and returns the offset of the first frame that {@link scan} must look at. `skimmed` says how many began.
   */
  skim(state: FrameState, chunk: Uint8Array): number {
    this.skimmed = 0
    if (state.header !== 0 || state.message !== 0) return 0
    const end = chunk.length
    const last = end - LONGEST_HEADER
    let at = state.remaining
    let count = 0
    while (at <= last && chunk[at] === PLAIN) {
      const short = chunk[at + 1] as number
      if (short < 126) at += 2 + short
      else if (short === 126) {
        const length = ((chunk[at + 2] as number) << 8) | (chunk[at + 3] as number)
        if (length < 126 || length > this.rules.maxMessageBytes) break
        at += 4 + length
      } else break
      count += 1
    }
    this.skimmed = count
    if (count === 0) return 0
    state.remaining = at > end ? at - end : 0
    return at > end ? end : at
  }

  /** Takes a header byte by byte: it began in an earlier chunk or may end in a later one. */
  private carry(state: FrameState, chunk: Uint8Array, at: number): number {
    const end = chunk.length
    this.event = SCAN.more
    this.frameAt = at - (state.header >>> SEEN)
    while (at < end) {
      const seen = state.header >>> SEEN
      const second = (state.header >>> 8) & 0xff
      const length = seen < 2 ? LONGEST_HEADER : headerLength(second)
      if (seen === length) return this.complete(state, chunk, at)
      takeByte(state, seen, { length, byte: chunk[at] as number })
      at += 1
      if (seen > 0 && seen + 1 === headerLength((state.header >>> 8) & 0xff) && !this.needsLead(state)) {
        return this.complete(state, chunk, at)
      }
    }
    return at
  }

  /** A frame over the limit is refused by its header: its payload may never come. */
  private needsLead(state: FrameState): boolean {
    const before = state.message > 0 ? state.message - 1 : 0
    const fits = before + state.remaining <= this.rules.maxMessageBytes
    return this.rules.masked && state.remaining > 0 && fits
  }

  private complete(state: FrameState, chunk: Uint8Array, at: number): number {
    const { header, remaining } = state
    state.header = 0
    this.accept(state, header & 0xff, (header >>> 8) & 0xff, remaining)
    this.lead = this.rules.masked && this.length > 0 ? ((header >>> 16) & 0xff) ^ (chunk[at] as number) : -1
    return at
  }

  /** Judges a complete header and enters its payload. */
  private accept(state: FrameState, first: number, second: number, length: number): void {
    this.opcode = first & 0x0f
    this.fin = first >= 0x80
    this.length = length
    this.event = this.fault(state, first, second)
    if (this.event !== SCAN.frame) return
    state.remaining = length
    if (this.opcode < OPCODE.close) state.message = this.fin ? 0 : (state.message || 1) + length
  }

  private fault(state: FrameState, first: number, second: number): number {
    const { opcode, length } = this
    if ((first & 0x70) !== 0) return FAULT.reservedBits
    if ((opcode > OPCODE.binary && opcode < OPCODE.close) || opcode > OPCODE.pong) return FAULT.reservedOpcode
    if (second >= 0x80 !== this.rules.masked) return FAULT.mask
    if (opcode >= OPCODE.close) return this.fin && (second & 0x7f) <= 125 ? SCAN.frame : FAULT.control
    if ((second & 0x7f) > 125 && length < ((second & 0x7f) === 126 ? 126 : 0x1_0000)) return FAULT.length
    if ((opcode === OPCODE.continuation) !== state.message > 0) return FAULT.order
    const before = state.message > 0 ? state.message - 1 : 0
    return before + length > this.rules.maxMessageBytes ? FAULT.size : SCAN.frame
  }
}

/** Bytes of a frame header, by its second byte. */
function headerLength(second: number): number {
  const short = second & 0x7f
  return 2 + (short < 126 ? 0 : short === 126 ? 2 : 8) + (second >= 0x80 ? 4 : 0)
}

function extendedLength(chunk: Uint8Array, at: number, short: number): number {
  if (short < 126) return short
  let length = 0
  for (let i = at; i < at + (short === 126 ? 2 : 8); i += 1) length = pushByte(length, chunk[i] as number)
  return length
}

/** One more byte of a length, kept below 2^30: longer frames are over every limit anyway. */
function pushByte(length: number, byte: number): number {
  return length > 0x3f_ffff ? NEVER_FITS : length * 256 + byte
}

function takeByte(state: FrameState, seen: number, header: { length: number; byte: number }): void {
  const { length, byte } = header
  let fields = state.header & 0xff_ffff
  if (seen === 0) fields = byte
  else if (seen === 1) {
    fields |= byte << 8
    state.remaining = (byte & 0x7f) < 126 ? byte & 0x7f : 0
  } else {
    const masked = ((fields >>> 8) & 0x80) !== 0
    const mask = masked ? length - 4 : length
    if (seen < mask) state.remaining = pushByte(state.remaining, byte)
    else if (seen === mask) fields |= byte << 16
  }
  state.header = fields | ((seen + 1) << SEEN)
}

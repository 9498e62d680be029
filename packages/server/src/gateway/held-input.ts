import { CLIENT_OPCODES, MAX_HEARTBEAT_BYTES } from '@cliscale/sdk/protocol'
import { CLIENT_RULES } from './client-filter.ts'
import { FRAME_FAULTS, type FrameFault, FrameScanner, FrameState, OPCODE, SCAN } from './frame-tracker.ts'
import { closeFrame, messageFrame, PING_MARK, serverFrame } from './frames.ts'

/** What a {@link HeldInput} does with frames that cannot wait for the runner. */
export interface HeldInputSink {
  /** A frame for the client. */
  answer(frame: Buffer): void
  /** The client answered the gateway's ping. */
  pong(): void
  /** The client sent its close frame. */
  closed(): void
  /** The client broke the protocol. */
  refuse(fault: FrameFault): void
}

const NOTHING = Buffer.alloc(0)
const scanner = new FrameScanner(CLIENT_RULES)

/**
 * What a client sends before its terminal is there. It is kept as it came, for the runner; pings and heartbeats are
 * answered meanwhile and cut out, because a client that waits must be able to tell waiting from a dead line.
 */
export class HeldInput {
  private readonly sink: HeldInputSink
  private readonly state = new FrameState()
  private bytes: Buffer = NOTHING
  /** Where the first frame begins that was not seen whole. */
  private next = 0

  constructor(sink: HeldInputSink) {
    this.sink = sink
  }

  /** Bytes held. */
  get length(): number {
    return this.bytes.length
  }

  /** Takes a chunk. */
  add(chunk: Buffer): void {
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk])
    while (this.frame());
  }

  /** Gives everything away, whole frames and the beginning of one. */
  release(): Buffer {
    const { bytes } = this
    this.bytes = NOTHING
    this.next = 0
    return bytes
  }

  /** Looks at one frame; false when it is not there whole, or was the last. */
  private frame(): boolean {
    const { state, next } = this
    const { message } = state
    const body = scanner.scan(state, this.bytes, next)
    const { event, opcode, length, lead, fin } = scanner
    state.header = 0
    state.remaining = 0
    const end = body + length
    if (event === SCAN.more || (event === SCAN.frame && end > this.bytes.length)) {
      state.message = message
      return false
    }
    if (event !== SCAN.frame) return this.fault(event)
    const own = opcode >= OPCODE.close || (opcode !== 0 && fin && lead === CLIENT_OPCODES.heartbeat)
    this.next = end
    return own ? this.handle(opcode, { begin: next, body, end }) : true
  }

  private fault(event: number): false {
    const fault = FRAME_FAULTS[event]
    this.release()
    if (fault !== undefined) this.sink.refuse(fault)
    return false
  }

  private handle(opcode: number, at: { begin: number; body: number; end: number }): boolean {
    const payload = unmask(this.bytes, at.body, at.end)
    const rest = this.bytes.subarray(at.end)
    this.bytes = at.begin === 0 ? rest : Buffer.concat([this.bytes.subarray(0, at.begin), rest])
    this.next = at.begin
    if (opcode === OPCODE.close) return this.goodbye(payload)
    if (opcode === OPCODE.ping) this.sink.answer(serverFrame(OPCODE.pong, payload))
    else if (opcode === OPCODE.pong) {
      if (payload.length === 1 && payload[0] === PING_MARK) this.sink.pong()
    } else if (payload.length <= MAX_HEARTBEAT_BYTES + 1) {
      this.sink.answer(messageFrame({ type: 'heartbeat', data: payload.subarray(1) }))
    }
    return true
  }

  private goodbye(payload: Buffer): false {
    const code = payload.length === 0 ? 1000 : payload.length === 1 ? 0 : payload.readUInt16BE(0)
    if (!mayBeSent(code)) {
      this.release()
      this.sink.refuse({ code: 'MALFORMED_FRAME', message: 'A close frame has a code that may not be sent.' })
      return false
    }
    this.sink.answer(closeFrame(code))
    this.sink.closed()
    return false
  }
}

/** Payload of a masked frame; its key is the four bytes before it. */
function unmask(bytes: Buffer, body: number, end: number): Buffer {
  const payload = Buffer.from(bytes.subarray(body, end))
  for (let i = 0; i < payload.length; i += 1) {
    payload[i] = (payload[i] as number) ^ (bytes[body - 4 + (i & 3)] as number)
  }
  return payload
}

/**
 * Close codes that may be in a close frame (RFC 6455 §7.4): defined ones, but for those that only say that there was none,
 * and those of libraries and apps.
 */
function mayBeSent(code: number): boolean {
  if (code >= 3_000) return code <= 4_999
  return code >= 1_000 && code <= 1_014 && code !== 1_004 && code !== 1_005 && code !== 1_006
}

import { CLIENT_OPCODES, type ErrorCode, MAX_CLIENT_FRAME_BYTES } from '@cliscale/sdk/protocol'
import { FRAME_FAULTS, FrameScanner, OPCODE, SCAN } from './frame-tracker.ts'
import { PING_MARK } from './frames.ts'
import { FLAG, type Link } from './link.ts'
import type { DropReason, GatewayStats } from './stats.ts'

/** What a {@link ClientFilter} does with what it finds. */
export interface ClientFilterSink {
  /** Bytes of allowed frames, in order. */
  toRunner(link: Link, bytes: Buffer): void
  /** The client broke a rule; nothing of it is read any more. */
  refuse(link: Link, code: ErrorCode, message: string): void
  /** The client answered the gateway's ping. */
  pong(link: Link): void
  /** A `tty` client asked for no output, or for output again. */
  flow(link: Link, paused: boolean): void
}

/** Largest message of a client; the gateway and the runner refuse the same. */
export const CLIENT_RULES = { masked: true, maxMessageBytes: MAX_CLIENT_FRAME_BYTES } as const

const PASS = 0
const DROP = 1
const REFUSED = 2

/**
 * Judges a client's frames by their header and first payload byte and hands on what is allowed, as views of the very
 * chunks that came. Frames that may not pass are cut out; nothing is unmasked, copied or framed anew.
 */
export class ClientFilter {
  private readonly sink: ClientFilterSink
  private readonly stats: GatewayStats
  private readonly scanner = new FrameScanner(CLIENT_RULES)

  constructor(sink: ClientFilterSink, stats: GatewayStats) {
    this.sink = sink
    this.stats = stats
  }

  /** Takes the next chunk of a client. */
  pass(link: Link, chunk: Buffer): void {
    const { scanner } = this
    let at = 0
    // Where the bytes begin that are allowed and not yet handed on; -1 while a frame is being dropped.
    let from = link.is(FLAG.dropFrame) ? -1 : 0
    for (;;) {
      at = scanner.scan(link.clientFrames, chunk, at)
      if (scanner.event === SCAN.more) break
      const begin = Math.max(scanner.frameAt, 0)
      const verdict = scanner.event === SCAN.frame ? this.judge(link) : this.fault(link)
      if (verdict === PASS) {
        if (from < 0) from = begin
        this.release(link, from)
        continue
      }
      if (from >= 0) this.hand(link, chunk, { from, to: begin })
      from = -1
      link.held = null
      if (verdict === REFUSED) return
    }
    this.finish(link, chunk, from)
  }

  /** The chunk is read to its end: hands on what is allowed, keeps the beginning of a header that cannot be judged. */
  private finish(link: Link, chunk: Buffer, from: number): void {
    const { clientFrames } = link
    if (clientFrames.header === 0) {
      link.flags =
        from < 0 && clientFrames.remaining > 0 ? link.flags | FLAG.dropFrame : link.flags & ~FLAG.dropFrame
      if (from >= 0) this.hand(link, chunk, { from, to: chunk.length })
      return
    }
    link.flags &= ~FLAG.dropFrame
    const begin = Math.max(this.scanner.frameAt, 0)
    if (from >= 0) this.hand(link, chunk, { from, to: begin })
    const tail = chunk.subarray(begin)
    link.held = link.held === null ? Buffer.from(tail) : Buffer.concat([link.held, tail])
  }

  /** Hands on header bytes that earlier chunks held, now that their frame may pass. */
  private release(link: Link, from: number): void {
    if (link.held === null || from > 0) return
    const { held } = link
    link.held = null
    this.sink.toRunner(link, held)
  }

  private hand(link: Link, chunk: Buffer, run: { from: number; to: number }): void {
    if (run.to <= run.from) return
    const whole = run.from === 0 && run.to === chunk.length
    this.sink.toRunner(link, whole ? chunk : chunk.subarray(run.from, run.to))
  }

  private fault(link: Link): number {
    const fault = FRAME_FAULTS[this.scanner.event]
    return this.refuse(
      link,
      fault?.code ?? 'MALFORMED_FRAME',
      fault?.message ?? 'A frame broke the protocol.',
    )
  }

  private refuse(link: Link, code: ErrorCode, message: string): number {
    this.sink.refuse(link, code, message)
    return REFUSED
  }

  private judge(link: Link): number {
    const { opcode, length, lead } = this.scanner
    this.stats.in.frames[opcode] = (this.stats.in.frames[opcode] as number) + 1
    if (opcode === OPCODE.continuation) return link.is(FLAG.dropMessage) ? DROP : PASS
    if (opcode >= OPCODE.close) return this.judgeControl(link, opcode)
    link.flags &= ~FLAG.dropMessage
    if (length > 0) return this.judgeMessage(link, lead)
    // A message that says nothing ends some runners (GATEWAY notes on ttyd), and no client needs it.
    if (this.scanner.fin) return this.drop('empty')
    return this.refuse(link, 'MALFORMED_FRAME', 'The first fragment of a message must hold its type.')
  }

  private judgeControl(link: Link, opcode: number): number {
    const { length, lead } = this.scanner
    if (opcode === OPCODE.close) link.flags |= FLAG.clientClosing
    if (opcode !== OPCODE.pong || length !== 1 || lead !== PING_MARK) return PASS
    this.sink.pong(link)
    return DROP
  }

  private judgeMessage(link: Link, lead: number): number {
    if (link.is(FLAG.observer)) {
      if (lead === CLIENT_OPCODES.input || lead === CLIENT_OPCODES.resize)
        return this.dropMessage(link, 'viewer_input')
      if (lead === CLIENT_OPCODES.drive) {
        return this.refuse(link, 'ROLE_REFUSED', 'An observer cannot become the driver.')
      }
    }
    if (!link.is(FLAG.tty) || (lead !== CLIENT_OPCODES.pause && lead !== CLIENT_OPCODES.resume)) return PASS
    this.sink.flow(link, lead === CLIENT_OPCODES.pause)
    return this.dropMessage(link, 'flow_control')
  }

  private dropMessage(link: Link, reason: DropReason): number {
    if (!this.scanner.fin) link.flags |= FLAG.dropMessage
    return this.drop(reason)
  }

  private drop(reason: DropReason): number {
    this.stats.dropped[reason] += 1
    return DROP
  }
}

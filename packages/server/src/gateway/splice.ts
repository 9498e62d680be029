import type { OnReadOpts, Socket } from 'node:net'
import type { ErrorCode } from '@cliscale/sdk/protocol'
import type { AdoptOptions } from '../node-inside/adopt.ts'
import { ClientFilter } from './client-filter.ts'
import { type ErrorDetails, errorFarewell } from './farewell.ts'
import { FrameScanner, OPCODE, SCAN } from './frame-tracker.ts'
import { closeFrame, type Farewell, PING } from './frames.ts'
import { FLAG, type Link, tie } from './link.ts'
import type { GatewayLimits } from './options.ts'
import { ReadBuffers } from './read-buffers.ts'
import { type SocketHandlers, socketHandlers } from './socket-handlers.ts'
import type { GatewayStats } from './stats.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** Who wants to know what happens to links. */
export interface SpliceEvents {
  /** The runner's side went away without a close frame; the client is between two messages and still there. */
  runnerLost(link: Link): void
  /** Both sides are closed. */
  over(link: Link): void
  /** A gateway's ping was answered after so many milliseconds. */
  roundTrip(ms: number): void
  /** The runner sent something that is no WebSocket frame. */
  runnerFault(link: Link): void
}

/** What a {@link Splice} needs. */
export interface SpliceOptions {
  readonly limits: GatewayLimits
  readonly stats: GatewayStats
  readonly wheel: TimerWheel<Link>
  readonly events: SpliceEvents
}

/** What one held connection keeps in memory at most, besides the high-water mark: a chunk in either buffer. */
const CHUNK_BYTES = 65_536

/**
 * Joins a client's and a runner's socket. Payload passes as it came; only frame headers are followed, so that frames
 * of the gateway's own go between two messages and never into one. A side whose peer cannot take more is not read, so
 * memory stays bounded and the sender feels it.
 */
export class Splice {
  private readonly limits: GatewayLimits
  private readonly stats: GatewayStats
  private readonly wheel: TimerWheel<Link>
  private readonly events: SpliceEvents
  private readonly filter: ClientFilter
  private readonly scanner: FrameScanner
  private readonly handlers: SocketHandlers
  private readonly buffers = new ReadBuffers()
  /** How clients' sockets are read that can be read so; the others have `data`. */
  readonly clientReads: AdoptOptions

  constructor(options: SpliceOptions) {
    this.limits = options.limits
    this.stats = options.stats
    this.wheel = options.wheel
    this.events = options.events
    this.filter = new ClientFilter(this, options.stats)
    this.scanner = new FrameScanner({ masked: false, maxMessageBytes: options.limits.maxRunnerMessageBytes })
    this.handlers = socketHandlers(this)
    const onread = {
      buffer: this.buffers.choose,
      callback: this.handlers.clientRead,
    } as unknown as OnReadOpts
    this.clientReads = { onread, highWaterMark: options.limits.highWaterMark }
  }

  /** Takes over a client's socket. What it sends goes to `link.waiting` until there is a runner. */
  attachClient(link: Link): void {
    const { client } = link
    tie(client, link)
    client.on('data', this.handlers.clientData)
    client.on('end', this.handlers.clientEnd)
    client.on('drain', this.handlers.clientDrain)
    client.on('close', this.handlers.clientClose)
  }

  /** Takes over a runner's socket, whose handshake is done, with the bytes that came behind the handshake. */
  attachRunner(link: Link, runner: Socket, head: Buffer): void {
    link.runner = runner
    link.waiting = null
    tie(runner, link)
    runner.on('end', this.handlers.runnerEnd)
    runner.on('drain', this.handlers.runnerDrain)
    runner.on('close', this.handlers.runnerClose)
    if (head.length > 0) this.fromRunner(link, head)
  }

  /** Bytes of a client. */
  fromClient(link: Link, chunk: Buffer): void {
    this.stats.in.bytes += chunk.length
    if (link.is(FLAG.deaf)) return
    link.missed = 0
    if (link.waiting === null) this.filter.pass(link, chunk)
    else link.waiting.take(chunk)
  }

  /** A client's socket was read into a buffer of {@link clientReads}. */
  clientRead(link: Link, length: number, buffer: Buffer): void {
    this.fromClient(link, this.buffers.take(buffer, length))
    // Who waits keeps what it typed.
    const pending = link.waiting !== null || (link.runner !== null && link.runner.writableLength > 0)
    this.buffers.passed(buffer, length, { pending, stopped: link.is(FLAG.clientHeld) })
  }

  /** A runner's socket was read. Fits `onread` of `net.connect`, together with {@link readBuffer}. */
  readonly runnerRead = (link: Link, length: number, buffer: Buffer): void => {
    this.fromRunner(link, this.buffers.take(buffer, length))
    const pending = link.client.writableLength > 0
    this.buffers.passed(buffer, length, { pending, stopped: link.is(FLAG.runnerHeld) })
  }

  /** What a socket without a link read: a copy. */
  readonly copyOfRead = (length: number, buffer: Buffer): Buffer => this.buffers.take(buffer, length)

  /** What runners' sockets are read into. */
  get readBuffer(): () => Buffer {
    return this.buffers.choose
  }

  /** What the client sent before there was a runner. */
  replay(link: Link, bytes: Buffer): void {
    this.filter.pass(link, bytes)
  }

  /** Bytes of a runner. */
  fromRunner(link: Link, chunk: Buffer): void {
    if (link.is(FLAG.parted)) return
    if (link.is(FLAG.runnerClosing)) return this.restOfClose(link, chunk)
    const { scanner } = this
    const cutting = link.farewell !== null || link.is(FLAG.pingDue)
    let cut = -1
    let at = 0
    if (!cutting) {
      at = scanner.skim(link.runnerFrames, chunk)
      this.stats.out.frames[OPCODE.binary] =
        (this.stats.out.frames[OPCODE.binary] as number) + scanner.skimmed
    }
    for (;;) {
      at = scanner.scan(link.runnerFrames, chunk, at)
      if (scanner.event !== SCAN.frame) break
      const { opcode } = scanner
      this.stats.out.frames[opcode] = (this.stats.out.frames[opcode] as number) + 1
      if (opcode === OPCODE.close) return this.runnerCloses(link, chunk, { at, cut })
      if (cutting && cut < 0 && scanner.frameAt >= 0 && opcode !== 0 && opcode < OPCODE.close)
        cut = scanner.frameAt
    }
    if (scanner.event !== SCAN.more) return this.runnerFault(link, chunk)
    if (!cutting) return this.toClient(link, chunk)
    if (cut < 0 && link.runnerFrames.betweenMessages) cut = chunk.length
    if (cut < 0) return this.toClient(link, chunk)
    this.putIn(link, chunk, cut)
  }

  /** Sends to the client, or not at all once the gateway took leave of it. */
  toClient(link: Link, bytes: Buffer): void {
    if (link.is(FLAG.parted | FLAG.clientGone)) return
    link.sentAt = this.wheel.now
    this.stats.out.bytes += bytes.length
    // What the kernel took at once holds nobody back, whatever the stream's mark says.
    if (!link.client.write(bytes) && link.client.writableLength > 0) this.holdRunner(link)
  }

  /** Sends to the runner. */
  toRunner(link: Link, bytes: Buffer): void {
    const { runner } = link
    if (runner === null || runner.writableEnded || runner.destroyed || runner.write(bytes)) return
    if (link.is(FLAG.clientHeld)) return
    link.flags |= FLAG.clientHeld
    this.stats.hold('client', 1)
    link.client.pause()
  }

  /** Pings the client, at once or between the runner's next two messages. */
  ping(link: Link): void {
    if (link.runnerFrames.betweenMessages) this.sendPing(link)
    else link.flags |= FLAG.pingDue
  }

  /** The client answered the gateway's ping. */
  pong(link: Link): void {
    if (link.pingedAt === 0) return
    this.events.roundTrip(performance.now() - link.pingedAt)
    link.pingedAt = 0
  }

  /** Obeys PAUSE and RESUME of a `tty` client: stock runners lose bytes over them, so they are not passed on. */
  flow(link: Link, paused: boolean): void {
    if (paused) {
      link.flags |= FLAG.paused
      link.runner?.pause()
      return
    }
    link.flags &= ~FLAG.paused
    if (!link.is(FLAG.runnerHeld)) link.runner?.resume()
  }

  /** Ends a connection whose client broke a rule. */
  refuse(link: Link, code: ErrorCode, message: string): void {
    if (code === 'FRAME_TOO_LARGE') this.stats.dropped.oversize += 1
    link.flags |= FLAG.deaf
    this.fail(link, code, { message })
  }

  /** Takes leave of the client with a coded error. */
  fail(link: Link, code: ErrorCode, details: ErrorDetails = {}): void {
    this.part(link, errorFarewell(link, code, details))
  }

  /** Asks the client to connect again after a random pause of at most so many milliseconds. */
  comeBack(link: Link, withinMs: number): void {
    this.fail(link, 'DRAINING', { retryAfterMs: Math.floor(Math.random() * withinMs) })
  }

  /**
   * Takes leave of the client between two messages. Until it answers, what it still sends goes to the runner; after
   * the close timeout both sockets are destroyed.
   */
  part(link: Link, farewell: Farewell): void {
    if (link.farewell !== null || link.is(FLAG.parted | FLAG.clientGone)) return
    if (link.is(FLAG.runnerClosing)) return this.ending(link)
    link.farewell = farewell
    if (link.runnerFrames.betweenMessages) return this.leave(link)
    this.flow(link, false)
    this.ending(link)
  }

  /** Destroys both sockets at once. */
  destroy(link: Link): void {
    link.client.destroy()
    link.runner?.destroy()
  }

  /** The time of a side that is about to end has passed. True when the link was such a one. */
  endingIsDue(link: Link): boolean {
    if (!link.is(FLAG.ending)) return false
    // What the runner said last may still be on its way to a slow client.
    const flushing = link.client.writableLength > 0 && !link.is(FLAG.clientGone)
    link.missed += 1
    if (flushing && link.missed * this.limits.closeTimeoutMs < this.limits.pingIntervalMs * 2)
      this.ending(link)
    else this.destroy(link)
    return true
  }

  /** The client said goodbye while it waited, and was answered. */
  clientLeft(link: Link): void {
    link.flags |= FLAG.clientClosing | FLAG.parted
    this.clientEnded(link)
  }

  /** The client ended its stream. */
  clientEnded(link: Link): void {
    link.waiting?.abandon()
    const { runner } = link
    if (runner === null || link.is(FLAG.parted | FLAG.runnerGone)) link.client.end()
    if (runner !== null && !runner.writableEnded) runner.end()
    this.ending(link)
  }

  /** The client's socket is closed. */
  clientClosed(link: Link): void {
    link.flags |= FLAG.clientGone
    link.waiting?.abandon()
    const { runner } = link
    if (runner === null || link.is(FLAG.runnerGone)) return this.over(link)
    if (!runner.writableEnded) runner.end()
    runner.resume()
    this.ending(link)
  }

  /** The client's socket can take more. */
  clientDrained(link: Link): void {
    link.waiting?.drained()
    if (!link.is(FLAG.runnerHeld)) return
    link.flags &= ~FLAG.runnerHeld
    this.stats.hold('runner', -1)
    if (!link.is(FLAG.paused)) link.runner?.resume()
  }

  /** The runner's socket can take more. */
  runnerDrained(link: Link): void {
    if (!link.is(FLAG.clientHeld)) return
    link.flags &= ~FLAG.clientHeld
    this.stats.hold('client', -1)
    link.client.resume()
  }

  /** The runner ended its stream, or its socket is closed. */
  runnerEnded(link: Link, closed: boolean): void {
    if (closed) {
      link.flags |= FLAG.runnerGone
      this.runnerDrained(link)
    }
    if (link.is(FLAG.clientGone)) {
      if (closed) this.over(link)
      return
    }
    if (!link.runner?.writableEnded) link.runner?.end()
    if (link.is(FLAG.lost)) return
    if (link.is(FLAG.runnerClosing | FLAG.parted | FLAG.ending)) return this.hangUp(link)
    link.flags |= FLAG.lost
    if (link.runnerFrames.betweenMessages) this.events.runnerLost(link)
    else link.client.destroy()
  }

  private hangUp(link: Link): void {
    link.flags |= FLAG.deaf
    if (!link.client.writableEnded) link.client.end()
    link.client.resume()
    if (!link.is(FLAG.ending)) this.ending(link)
  }

  private over(link: Link): void {
    this.clientDrained(link)
    this.runnerDrained(link)
    this.wheel.remove(link)
    tie(link.client, undefined)
    if (link.runner !== null) tie(link.runner, undefined)
    this.events.over(link)
  }

  private sendPing(link: Link): void {
    link.flags &= ~FLAG.pingDue
    link.pingedAt = Math.max(1, Math.round(performance.now()))
    this.toClient(link, PING)
  }

  private leave(link: Link): void {
    const { farewell } = link
    if (farewell === null) return
    link.farewell = null
    link.closeCode ||= farewell.code
    if (link.waiting !== null) {
      link.flags |= FLAG.deaf
      link.waiting.abandon()
    }
    this.toClient(link, Buffer.concat([farewell.message, closeFrame(farewell.code, farewell.reason)]))
    link.flags |= FLAG.parted
    link.client.end()
    link.client.resume()
    this.flow(link, false)
    if (link.is(FLAG.deaf) && link.runner !== null && !link.runner.writableEnded) link.runner.end()
    this.ending(link)
  }

  /** Puts the gateway's own frames into the runner's bytes at `cut`. */
  private putIn(link: Link, chunk: Buffer, cut: number): void {
    link.client.cork()
    if (cut > 0) this.toClient(link, chunk.subarray(0, cut))
    if (link.farewell !== null) this.leave(link)
    else this.sendPing(link)
    if (cut < chunk.length) this.toClient(link, chunk.subarray(cut))
    link.client.uncork()
  }

  /** The runner's close is the last frame that the client gets, unless the gateway took leave before it. */
  private runnerCloses(link: Link, chunk: Buffer, { at, cut }: { at: number; cut: number }): void {
    if (cut >= 0 && link.farewell !== null) return this.putIn(link, chunk, cut)
    const { length } = this.scanner
    const end = Math.min(at + length, chunk.length)
    link.runnerFrames.remaining = at + length - end
    link.flags = (link.flags | FLAG.runnerClosing) & ~FLAG.pingDue
    link.farewell = null
    if (length >= 2 && at + 2 <= chunk.length) link.closeCode ||= chunk.readUInt16BE(at)
    this.toClient(link, chunk.subarray(0, end))
    this.ending(link)
  }

  private restOfClose(link: Link, chunk: Buffer): void {
    const rest = Math.min(link.runnerFrames.remaining, chunk.length)
    link.runnerFrames.remaining -= rest
    if (rest > 0) this.toClient(link, chunk.subarray(0, rest))
  }

  /** What is no frame ends the connection: cleanly if its beginning was not passed on yet. */
  private runnerFault(link: Link, chunk: Buffer): void {
    const { frameAt } = this.scanner
    this.events.runnerFault(link)
    link.flags |= FLAG.deaf
    link.runner?.destroy()
    if (frameAt < 0) return void link.client.destroy()
    if (frameAt > 0) this.toClient(link, chunk.subarray(0, frameAt))
    link.runnerFrames.reset()
    link.flags |= FLAG.lost
    // It waited for the end of a message, which never comes.
    link.farewell = null
    this.fail(link, 'INTERNAL', { message: "The session's runner broke the protocol." })
  }

  private holdRunner(link: Link): void {
    if (link.runner === null || link.is(FLAG.runnerHeld)) return
    link.flags |= FLAG.runnerHeld
    link.runner.pause()
    this.stats.hold('runner', 1)
    const held =
      (this.stats.paused.runner + this.stats.paused.client) * (this.limits.highWaterMark + 2 * CHUNK_BYTES)
    if (held > this.limits.maxBufferedBytes) this.shed()
  }

  /** Cuts off the client that has been stalled longest: it can come back and resume, the others go on undisturbed. */
  private shed(): void {
    let worst: Link | null = null
    for (const link of this.wheel.entries()) {
      if (link.is(FLAG.runnerHeld) && (worst === null || link.sentAt < worst.sentAt)) worst = link
    }
    if (worst === null) return
    this.stats.shed += 1
    this.destroy(worst)
  }

  private ending(link: Link): void {
    if (!link.is(FLAG.ending)) link.missed = 0
    link.flags |= FLAG.ending
    this.wheel.schedule(link, this.wheel.ticks(this.limits.closeTimeoutMs))
  }
}

import {
  closeOfExit,
  type ErrorCode,
  isPhase,
  type PhaseReport,
  type SessionExit,
} from '@cliscale/sdk/protocol'
import type { RunnerSecret } from '../auth/runner-secret.ts'
import type { Log } from '../observability/log.ts'
import type { Events } from '../store/events.ts'
import type { EventHints } from '../store/listen.ts'
import type { Sessions } from '../store/sessions.ts'
import type { SessionTarget } from '../store/target.ts'
import { dial, type DialedRunner, type DialFailure, type Dialling, type DialTimes } from './dial.ts'
import { messageFrame } from './frames.ts'
import { HeldInput } from './held-input.ts'
import { FLAG, type Link, type LinkInput } from './link.ts'
import type { GatewayLimits } from './options.ts'
import type { RunnerAddresses } from './runner-address.ts'
import type { Splice } from './splice.ts'

/** What the waiting room works with. */
export interface WaitingRoomServices {
  readonly limits: GatewayLimits
  readonly sessions: Pick<Sessions, 'target'>
  readonly events: Pick<Events, 'after'>
  readonly hints: Pick<EventHints, 'subscribe'>
  readonly secrets: Pick<RunnerSecret, 'of'>
  readonly addresses: RunnerAddresses
  readonly splice: Splice
  readonly log: Log
  /** A runner was reached, or not. */
  readonly dialled: (result: 'ok' | DialFailure['code'], times: DialTimes) => void
}

const FIRST_PAUSE_MS = 25
const LONGEST_PAUSE_MS = 1_000

/** Lets clients wait until their sessions' runners can be reached, and then joins each two. */
export class WaitingRoom {
  private readonly services: WaitingRoomServices
  /** Clients whose runner is not there yet. */
  waiting = 0

  constructor(services: WaitingRoomServices) {
    this.services = services
  }

  enter(link: Link, target: SessionTarget): void {
    new Guest(this.services, link, this).follow(target)
  }

  /** True when nobody more may wait. */
  get full(): boolean {
    return this.waiting >= this.services.limits.maxWaiting
  }
}

/** Sends a session's end and takes leave. */
export function tellExit(splice: Splice, link: Link, exit: SessionExit): void {
  const message = link.is(FLAG.tty) ? Buffer.alloc(0) : messageFrame({ type: 'exit', exit })
  splice.part(link, { ...closeOfExit(exit), message })
}

/** One client that waits. */
class Guest implements LinkInput {
  private readonly services: WaitingRoomServices
  private readonly link: Link
  private readonly room: WaitingRoom
  private readonly input: HeldInput
  private gone = false
  private dialling: Dialling | undefined
  private unsubscribe: (() => void) | undefined
  private deadline: NodeJS.Timeout | undefined
  private pause: NodeJS.Timeout | undefined
  private pauseMs = FIRST_PAUSE_MS
  /** Milliseconds of the process's clock at which dialling is given up; 0 before the first failure. */
  private giveUpAt = 0
  private reading = false
  private stale = false
  /** Number of the last event whose phase was shown; -1 before the first. */
  private seq = -1
  private ended = false

  constructor(services: WaitingRoomServices, link: Link, room: WaitingRoom) {
    this.services = services
    this.link = link
    this.room = room
    this.input = new HeldInput({
      answer: (frame) => services.splice.toClient(link, frame),
      pong: () => services.splice.pong(link),
      closed: () => services.splice.clientLeft(link),
      refuse: (fault) => services.splice.refuse(link, fault.code, fault.message),
    })
    link.waiting = this
  }

  /** Does what the session's state asks for. */
  follow(target: SessionTarget): void {
    if (this.gone) return
    const { runner, exit } = target
    this.ended = target.state === 'ended'
    if (runner?.assigned === true && runner.address !== null) return this.dial(runner.id, runner.address)
    if (exit !== null) return tellExit(this.services.splice, this.link, exit)
    if (this.seq < 0) {
      this.seq = target.lastSeq
      const phase = target.phase ?? (isPhase(target.state) ? { phase: target.state } : null)
      if (phase !== null) this.show(phase)
    }
    this.listen()
  }

  take(chunk: Buffer): void {
    this.input.add(chunk)
    if (!this.gone && this.full) this.link.client.pause()
  }

  drained(): void {
    if (!this.full) this.link.client.resume()
  }

  /** True when nothing more may be read: too much is held, or the client does not take the answers to its pings. */
  private get full(): boolean {
    return this.input.length > this.services.limits.maxWaitingBytes || this.link.client.writableNeedDrain
  }

  abandon(): void {
    this.leave()
    this.dialling?.cancel()
  }

  private leave(): void {
    if (!this.gone && this.unsubscribe !== undefined) this.room.waiting -= 1
    this.gone = true
    this.link.waiting = null
    this.unsubscribe?.()
    clearTimeout(this.deadline)
    clearTimeout(this.pause)
  }

  private show(report: PhaseReport): void {
    if (this.link.is(FLAG.tty)) return
    this.services.splice.toClient(this.link, messageFrame({ type: 'phase', report }))
  }

  /** Waits to be woken. What changed before the subscription is found by reading once more. */
  private listen(): void {
    if (this.unsubscribe !== undefined) return
    const { hints, limits } = this.services
    if (this.room.full) return this.fail('OVERLOADED')
    this.room.waiting += 1
    this.unsubscribe = hints.subscribe(this.link.sessionId, () => this.wake())
    this.deadline = setTimeout(() => this.fail('START_TIMEOUT'), limits.startTimeoutMs)
    this.wake()
  }

  private wake(): void {
    if (this.gone || this.dialling !== undefined) return
    this.stale = true
    if (!this.reading) void this.read()
  }

  /** Reads the session until no hint came meanwhile. A database that is away is asked again after a pause. */
  private async read(): Promise<void> {
    this.reading = true
    try {
      while (this.stale && !this.gone && this.dialling === undefined) {
        this.stale = false
        const target = await this.news()
        if (this.gone) return
        if (target === null) return this.fail('SESSION_NOT_FOUND')
        this.follow(target)
      }
    } catch (error) {
      this.services.log.warn(
        { err: error, sessionId: this.link.sessionId },
        'A waiting session could not be read',
      )
      this.again()
    } finally {
      this.reading = false
    }
  }

  /** Shows the phases since the last look, in order, and resolves with where the session stands. */
  private async news(): Promise<SessionTarget | null> {
    const { sessions, events } = this.services
    const { sessionId } = this.link
    const [target, recent] = await Promise.all([
      sessions.target(sessionId),
      this.seq < 0 ? [] : events.after(this.seq, { sessionId }),
    ])
    for (const event of recent) {
      this.seq = event.seq
      if (event.type === 'phase' && !this.gone) this.show(event.phase)
    }
    return target
  }

  private again(): void {
    if (this.gone) return
    clearTimeout(this.pause)
    this.pause = setTimeout(() => this.wake(), this.pauseMs)
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS)
  }

  private dial(runnerId: string, address: string): void {
    const { limits, addresses, secrets, splice } = this.services
    const target = addresses.target(address)
    if (target === null) {
      return this.failed({ code: 'RUNNER_REFUSED', detail: `the address ${address} is not allowed` })
    }
    const { role, subprotocol, requestId } = this.link
    this.dialling = dial(
      {
        target,
        runnerId,
        secret: secrets.of(runnerId),
        role,
        subprotocol,
        requestId,
        timeoutMs: limits.dialTimeoutMs,
        highWaterMark: limits.highWaterMark,
        reads: splice,
      },
      (result, times) => {
        this.dialling = undefined
        const outcome = 'socket' in result ? 'ok' : result.code
        this.services.dialled(outcome, times)
        if ('socket' in result) this.join(result)
        else this.failed(result)
      },
    )
  }

  private join(runner: DialedRunner): void {
    const { splice } = this.services
    const { link } = this
    this.leave()
    splice.attachRunner(link, runner.socket, runner.head)
    const bytes = this.input.release()
    if (bytes.length > 0) splice.replay(link, bytes)
    if (!link.is(FLAG.clientHeld) && link.client.isPaused()) link.client.resume()
  }

  /** The runner could not be had: perhaps it is just coming up, or just ended. The tables know. */
  private failed(failure: DialFailure): void {
    const { limits, log, sessions } = this.services
    const { sessionId, requestId } = this.link
    const now = performance.now()
    if (this.giveUpAt === 0) this.giveUpAt = now + limits.dialRetryMs
    const last = failure.code !== 'RUNNER_UNREACHABLE' || now >= this.giveUpAt || this.ended
    if (!last) return this.again()
    log.warn(
      { sessionId, requestId, code: failure.code, detail: failure.detail },
      'A runner could not be reached',
    )
    sessions.target(sessionId).then(
      (target) => this.explain(target, failure.code),
      () => this.fail(failure.code),
    )
  }

  private explain(target: SessionTarget | null, code: ErrorCode): void {
    if (this.gone) return
    if (target !== null && target.exit !== null) tellExit(this.services.splice, this.link, target.exit)
    else this.fail(code)
  }

  private fail(code: ErrorCode): void {
    if (this.gone) return
    this.services.splice.fail(this.link, code)
  }
}

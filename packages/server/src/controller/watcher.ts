import { setTimeout as pause } from 'node:timers/promises'
import type {
  PhaseReport,
  RunnerEvent,
  RunnerFigures,
  RunnerStatus,
  SessionExit,
} from '@cliscale/sdk/protocol'
import { predecessors } from '../lifecycle/states.ts'
import type { Transition } from '../store/sessions.ts'
import { fullJitter } from './backoff.ts'
import { EventFollower } from './event-follower.ts'
import { FleetFigures } from './fleet-figures.ts'
import type { Finisher } from './finisher.ts'
import type { Parts } from './parts.ts'
import type { RunnerTarget } from './runner-client.ts'

/** Progress of one session is written at most this often. */
const PROGRESS_EVERY_MS = 250

const RECONNECT = { baseMs: 50, capMs: 5_000 }

/** What the watcher tells. */
export interface WatcherEvents {
  /** The session's end is written, by whomever. */
  onEnded(sessionId: string): void
  /** The runner is over and what it used is freed. `sessionId` is null for one that was blank. */
  onGone(runnerId: string, sessionId: string | null): void
}

/** One runner that is followed. */
interface Followed {
  readonly target: RunnerTarget
  sessionId: string | null
  connection: EventFollower | null
  /** Nobody follows it any more. */
  stopped: boolean
  /** The runner has taken its session: from here on its loss is the session's end. */
  accepted: boolean
  /** The exit is written. */
  ended: boolean
  /** Reports are written one after the other, in their order. */
  writing: Promise<void>
  /** Newest progress that is not written yet. */
  pending: PhaseReport | null
  timer: NodeJS.Timeout | null
}

/**
 * Follows the event stream of each live runner and turns it into guarded transitions. Whatever goes wrong on the way,
 * the stream or the database, ends in a new connection: its first line tells the present state, so nothing is missed.
 */
export class Watcher {
  readonly #parts: Parts
  readonly #finisher: Finisher
  readonly #events: WatcherEvents
  /** What the followed runners count. */
  readonly figures: FleetFigures = new FleetFigures()
  readonly #followed = new Map<string, Followed>()
  #closed = false

  constructor(parts: Parts, finisher: Finisher, events: WatcherEvents) {
    this.#parts = parts
    this.#finisher = finisher
    this.#events = events
  }

  /** Number of runners that are followed. */
  get size(): number {
    return this.#followed.size
  }

  /** True while a runner is followed. */
  has(runnerId: string): boolean {
    return this.#followed.has(runnerId)
  }

  /**
   * Follows a runner until it is gone. Again with a session it only notes the session, so that a blank runner can be
   * followed before it has one. Until the runner has taken the session, losing it is the starter's affair.
   */
  watch(target: RunnerTarget, sessionId: string | null): void {
    const known = this.#followed.get(target.runnerId)
    if (known !== undefined) {
      known.sessionId ??= sessionId
      return
    }
    if (this.#closed) return
    const followed: Followed = {
      target,
      sessionId,
      connection: null,
      stopped: false,
      accepted: false,
      ended: false,
      writing: Promise.resolve(),
      pending: null,
      timer: null,
    }
    this.#followed.set(target.runnerId, followed)
    void this.#run(followed)
  }

  /** The runner has taken its session. */
  accepted(runnerId: string): void {
    const followed = this.#followed.get(runnerId)
    if (followed !== undefined) followed.accepted = true
  }

  /** Stops following; what becomes of the runner is the caller's. */
  forget(runnerId: string): void {
    const followed = this.#followed.get(runnerId)
    if (followed === undefined) return
    this.#followed.delete(runnerId)
    this.figures.forget(runnerId)
    followed.stopped = true
    followed.connection?.close()
    if (followed.timer !== null) clearTimeout(followed.timer)
  }

  /** Stops following all; runners go on. */
  async close(): Promise<void> {
    this.#closed = true
    const writing = [...this.#followed.values()].map((followed) => followed.writing)
    for (const runnerId of this.#followed.keys()) this.forget(runnerId)
    await Promise.allSettled(writing)
  }

  async #run(followed: Followed): Promise<void> {
    for (let attempt = 0; !followed.stopped; attempt += 1) {
      const connectedAt = performance.now()
      await this.#followOnce(followed)
      if (followed.stopped || (await this.#finishedIfGone(followed))) return
      if (performance.now() - connectedAt > RECONNECT.capMs) attempt = 0
      await pause(fullJitter(attempt, RECONNECT), undefined, { ref: false })
    }
  }

  /** Resolves when this connection is over and everything that it told is written, or could not be. */
  async #followOnce(followed: Followed): Promise<void> {
    const connection = new EventFollower(followed.target, (event) => this.#receive(followed, event))
    followed.connection = connection
    await connection.over
    await followed.writing
    if (connection.failure === undefined || followed.stopped) return
    const { runnerId } = followed.target
    this.#parts.log.debug({ err: connection.failure, runnerId }, 'the event stream of a runner broke')
  }

  #receive(followed: Followed, event: RunnerEvent): void {
    if (event.type === 'figures') return this.#count(followed, event.figures)
    if (event.type === 'status') this.#count(followed, event.status.figures)
    if (event.type !== 'status' || event.status.sessionId !== null) followed.accepted = true
    if (event.type === 'phase' && event.report.progress !== undefined)
      return this.#progress(followed, event.report)
    this.#write(followed, () => this.#apply(followed, event))
  }

  #count({ stopped, target }: Followed, figures: RunnerFigures | undefined): void {
    if (!stopped && figures !== undefined) this.figures.take(target.runnerId, figures)
  }

  /** A write that fails gives the connection up: the next one begins with the present state. */
  #write(followed: Followed, work: () => Promise<void>): void {
    const { connection } = followed
    followed.writing = followed.writing.then(work).catch((error: unknown) => {
      this.#parts.log.warn(
        { err: error, runnerId: followed.target.runnerId },
        'a report of a runner was not written',
      )
      connection?.close()
    })
  }

  async #apply(followed: Followed, event: Exclude<RunnerEvent, { type: 'figures' }>): Promise<void> {
    switch (event.type) {
      case 'status':
        return this.#applyStatus(followed, event.status)
      case 'phase':
        return this.#phase(followed, event.report)
      case 'running':
        return this.#running(followed, event)
      case 'exit':
        return this.#exit(followed, event.exit)
    }
  }

  async #applyStatus(followed: Followed, status: RunnerStatus): Promise<void> {
    followed.sessionId ??= status.sessionId
    if (status.exit !== null) return this.#exit(followed, status.exit)
    if (status.state === 'running') return this.#running(followed, status)
    if (status.phase !== null) return this.#phase(followed, status.phase)
  }

  async #phase(followed: Followed, report: PhaseReport): Promise<void> {
    const id = followed.sessionId
    if (id === null) return
    this.#dropProgress(followed)
    const moved = await this.#move(followed, { to: report.phase, phase: report })
    if (!moved) await this.#parts.store.sessions.recordPhase(id, report)
  }

  async #running(
    followed: Followed,
    { isolation, limits }: Pick<RunnerStatus, 'isolation' | 'limits'>,
  ): Promise<void> {
    this.#dropProgress(followed)
    if (await this.#move(followed, { to: 'running', found: { isolation, limits } })) {
      this.#parts.log.info(
        { sessionId: followed.sessionId, runnerId: followed.target.runnerId },
        'session runs',
      )
    }
  }

  async #exit(followed: Followed, exit: SessionExit): Promise<void> {
    this.#dropProgress(followed)
    if (followed.ended || followed.sessionId === null) return
    const { runnerId } = followed.target
    await this.#finisher.finish(followed.sessionId, exit, { runner: 'lingering', runnerId })
    followed.ended = true
    this.#events.onEnded(followed.sessionId)
  }

  async #move(followed: Followed, move: Transition['move']): Promise<boolean> {
    if (followed.sessionId === null) return false
    const from = predecessors(move.to)
    const { runnerId } = followed.target
    return (
      (await this.#parts.store.sessions.transition({ id: followed.sessionId, from, move, runnerId })) !== null
    )
  }

  /** The first report of a phase is written at once, later ones at a bounded rate, the newest always. */
  #progress(followed: Followed, report: PhaseReport): void {
    followed.pending = report
    if (followed.timer !== null) return
    this.#writePending(followed)
    followed.timer = setInterval(() => this.#writePending(followed), PROGRESS_EVERY_MS)
  }

  #writePending(followed: Followed): void {
    const report = followed.pending
    followed.pending = null
    if (report === null) this.#dropProgress(followed)
    else this.#write(followed, () => this.#phaseProgress(followed, report))
  }

  async #phaseProgress(followed: Followed, report: PhaseReport): Promise<void> {
    if (followed.sessionId === null) return
    const recorded = await this.#parts.store.sessions.recordPhase(followed.sessionId, report)
    if (recorded === null) await this.#move(followed, { to: report.phase, phase: report })
  }

  #dropProgress(followed: Followed): void {
    followed.pending = null
    if (followed.timer !== null) clearInterval(followed.timer)
    followed.timer = null
  }

  /** True when the runner is over: its session has an end and what it used is free. */
  async #finishedIfGone(followed: Followed): Promise<boolean> {
    const { runnerId } = followed.target
    try {
      const seen = await this.#parts.driver.inspect(runnerId)
      if (seen !== null && seen.state !== 'gone') return false
      if (!followed.ended && followed.accepted) await this.#lost(followed, seen?.detail)
      await this.#parts.driver.stop(runnerId, { graceMs: 0 })
      await this.#parts.store.runners.end(runnerId, seen?.detail)
    } catch (error) {
      this.#parts.log.warn({ err: error, runnerId }, 'a runner is over, but not everything is freed yet')
      return false
    }
    this.forget(runnerId)
    this.#events.onGone(runnerId, followed.sessionId)
    return true
  }

  async #lost(followed: Followed, detail: string | undefined): Promise<void> {
    const message =
      detail === undefined ? "The session's runner died." : `The session's runner died: ${detail}.`
    const failure = { code: 'RUNNER_LOST', message, hint: 'Start a new session.' }
    await this.#exit(followed, { code: null, signal: null, reason: 'failed', failure })
  }
}

import { isPhase, type SessionExit } from '@cliscale/sdk/protocol'
import type { Action } from '../lifecycle/desired.ts'
import type { RunnerRecord } from '../store/runner-row.ts'
import type { LiveSession } from '../store/sessions.ts'
import type { Capacity } from './capacity.ts'
import type { Ender } from './ender.ts'
import type { Finisher } from './finisher.ts'
import type { Launcher } from './launcher.ts'
import { type Parts, targetOf } from './parts.ts'
import type { Queue } from './queue.ts'
import type { Spares } from './spares.ts'
import type { Starter } from './starter.ts'
import type { Watcher } from './watcher.ts'

const STOP_GRACE_MS = 2_000

/** What actions are done with. */
export interface ActionsOptions {
  readonly parts: Parts
  readonly capacity: Capacity
  readonly launcher: Launcher
  readonly watcher: Watcher
  readonly starter: Starter
  readonly queue: Queue
  readonly spares: Spares
  readonly ender: Ender
  readonly finisher: Finisher
  /** A runner that has been up for so long and does not run its command has failed. */
  readonly startTimeoutMs: number
}

/** Does what `decide` says. What this process is doing already is left to who does it. */
export class Actions {
  readonly #options: ActionsOptions

  constructor(options: ActionsOptions) {
    this.#options = options
  }

  /** Does one action. @throws {CodedError} `DATABASE_UNAVAILABLE` and what drivers throw */
  async do(action: Action): Promise<void> {
    const { parts, queue, spares } = this.#options
    if (action.kind !== 'startRunner' && action.kind !== 'claimBlank') {
      parts.log.debug({ action }, 'putting in order')
    }
    switch (action.kind) {
      case 'claimBlank':
        return queue.look()
      case 'startRunner':
        return action.sessionId === null ? spares.refillSoon() : queue.look()
      case 'markUp':
        return this.#markUp(action.runnerId)
      case 'assign':
        return this.#assign(action)
      case 'requeue':
        return this.#requeue(action)
      case 'stopSession':
        return this.#stopSession(action)
      case 'endSession':
        return this.#endSession(action)
      case 'stopRunner':
      case 'endRunner':
        return this.#stopRunner(action)
      case 'retireBlank':
        return this.#retireBlank(action.runnerId)
      case 'stopOrphan':
        parts.log.warn({ runnerId: action.runnerId }, 'ending a runner that the database does not know')
        return parts.driver.stop(action.runnerId, { graceMs: STOP_GRACE_MS })
    }
  }

  /** Sessions whose runner is up for too long without running their command. */
  startTimeouts(sessions: readonly LiveSession[], runners: readonly RunnerRecord[]): Action[] {
    const { startTimeoutMs } = this.#options
    const upSince = new Map(runners.map(({ id, readyAt }) => [id, readyAt?.getTime() ?? Infinity]))
    const seconds = Math.round(startTimeoutMs / 1_000)
    const failure = { code: 'START_TIMEOUT', message: `The command did not run within ${seconds} seconds.` }
    return sessions
      .filter(({ state, runnerId, createdAt }) => {
        const since = Math.max(upSince.get(runnerId ?? '') ?? Infinity, createdAt.getTime())
        return isPhase(state) && state !== 'queued' && Date.now() - since > startTimeoutMs
      })
      .map(({ id }) => ({
        kind: 'endSession',
        sessionId: id,
        exit: { code: null, signal: null, reason: 'failed', failure },
      }))
  }

  async #markUp(runnerId: string): Promise<void> {
    const { parts, launcher, watcher } = this.#options
    if (launcher.has(runnerId)) return
    const seen = await parts.driver.inspect(runnerId)
    if (seen?.state !== 'up' || seen.address === null) return
    const { address, externalId } = seen
    const runner = await parts.store.runners.markUp(runnerId, { address, externalId })
    const target = runner === null ? null : targetOf(parts, runner)
    if (target !== null && runner?.sessionId === null) watcher.watch(target, null)
  }

  async #assign({ sessionId, runnerId }: { sessionId: string; runnerId: string }): Promise<void> {
    const { parts, starter } = this.#options
    if (starter.has(sessionId)) return
    const [session, runner] = await Promise.all([
      parts.store.sessions.find(sessionId),
      parts.store.runners.get(runnerId),
    ])
    if (session?.runnerId !== runnerId || runner?.state !== 'claimed' || runner.assigned) return
    starter.begin(session, runner)
  }

  async #requeue(action: Extract<Action, { kind: 'requeue' }>): Promise<void> {
    const { parts, starter, watcher, capacity, queue } = this.#options
    if (starter.has(action.sessionId)) return
    watcher.forget(action.runnerId)
    await parts.driver.stop(action.runnerId, { graceMs: 0 })
    if ((await parts.store.sessions.requeue({ ...action, id: action.sessionId })) === null) return
    capacity.release(action.sessionId)
    queue.look()
  }

  async #stopSession({ sessionId, reason }: { sessionId: string; reason: 'expired' }): Promise<void> {
    const session = await this.#options.parts.store.sessions.find(sessionId)
    if (session !== null) await this.#options.ender.end(session, reason)
  }

  async #endSession({ sessionId, exit }: { sessionId: string; exit: SessionExit }): Promise<void> {
    const { parts, starter, watcher, capacity, finisher } = this.#options
    if (starter.has(sessionId) && exit.failure?.code !== 'START_TIMEOUT') return
    const before = await parts.store.sessions.find(sessionId)
    const runnerId = before?.runnerId ?? null
    if (runnerId !== null) {
      watcher.forget(runnerId)
      await parts.driver.stop(runnerId, { graceMs: STOP_GRACE_MS })
    }
    await finisher.finish(sessionId, exit, { runner: 'ended' })
    if (runnerId !== null) await parts.store.runners.end(runnerId)
    capacity.release(sessionId)
  }

  /** The row decides: a session may have claimed it a moment ago. */
  async #retireBlank(runnerId: string): Promise<void> {
    const { parts, watcher } = this.#options
    if (!(await parts.store.runners.retireBlank(runnerId))) return
    watcher.forget(runnerId)
    await parts.driver.stop(runnerId, { graceMs: STOP_GRACE_MS })
  }

  async #stopRunner({ runnerId, reason }: { runnerId: string; reason: string }): Promise<void> {
    const { parts, launcher, watcher } = this.#options
    if (launcher.has(runnerId)) return
    watcher.forget(runnerId)
    await parts.driver.stop(runnerId, { graceMs: STOP_GRACE_MS })
    await parts.store.runners.end(runnerId, reason)
  }
}

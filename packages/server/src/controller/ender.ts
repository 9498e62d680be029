import { type EndReason, isEnded, type SessionExit } from '@cliscale/sdk/protocol'
import { predecessors } from '../lifecycle/states.ts'
import type { SessionRecord } from '../store/session-row.ts'
import type { Finisher } from './finisher.ts'
import { type Parts, targetOf } from './parts.ts'
import { stop } from './runner-client.ts'
import type { Watcher } from './watcher.ts'

/** Between SIGHUP and SIGKILL to the command. */
const GRACE_MS = 2_000

const STOP_TIMEOUT_MS = 5_000

/** Reasons for which the server ends a session by itself. */
export type StopReason = Extract<EndReason, 'killed' | 'expired' | 'idle' | 'failed'>

/** Ends sessions: the state first, so that everybody knows, then the runner, whose exit report ends the session. */
export class Ender {
  readonly #parts: Parts
  readonly #finisher: Finisher
  readonly #watcher: Watcher

  constructor(parts: Parts, finisher: Finisher, watcher: Watcher) {
    this.#parts = parts
    this.#finisher = finisher
    this.#watcher = watcher
  }

  /**
   * Begins to end a session and returns it as it is then: `ending`, or `ended` when it had no runner or was over
   * already. Safe to call again.
   *
   * @throws {CodedError} `DATABASE_UNAVAILABLE`
   */
  async end(session: SessionRecord, reason: StopReason): Promise<SessionRecord> {
    const { id, state } = session.info
    if (isEnded(state)) return session
    if (state === 'queued')
      return (
        (await this.#finisher.finish(id, exitOf(reason), { runner: 'ended', from: ['queued'] })) ??
        this.#again(id, reason)
      )
    const move = { to: 'ending', reason } as const
    const ending = await this.#parts.store.sessions.transition({ id, from: predecessors('ending'), move })
    const now = ending ?? (await this.#parts.store.sessions.find(id)) ?? session
    if (now.info.state !== 'ending') return now
    this.#parts.log.info({ sessionId: id, reason }, 'session is being ended')
    void this.#stopRunner(now, reason)
    return now
  }

  /** It left the queue between the look and the update. */
  async #again(id: string, reason: StopReason): Promise<SessionRecord> {
    const session = await this.#parts.store.sessions.find(id)
    if (session === null) throw new Error(`session ${id} vanished`)
    return this.end(session, reason)
  }

  async #stopRunner(session: SessionRecord, reason: StopReason): Promise<void> {
    const { id } = session.info
    try {
      const runner = session.runnerId === null ? null : await this.#parts.store.runners.get(session.runnerId)
      // One that runs was taken, even where that is not noted yet: only its runner knows how it ends.
      const taken = runner !== null && (runner.assigned || session.info.startedAt !== null)
      const target = taken ? targetOf(this.#parts, runner) : null
      if (target === null) return await this.#removeRunner(session, reason)
      const signal = AbortSignal.timeout(STOP_TIMEOUT_MS)
      await stop(target, { reason, graceMs: GRACE_MS }, signal).catch(async (error: unknown) => {
        this.#parts.log.warn(
          { err: error, sessionId: id, runnerId: target.runnerId },
          'a runner did not obey',
        )
        await this.#removeRunner(session, reason)
      })
    } catch (error) {
      // The session stays `ending`, and the reconciler goes on from there.
      this.#parts.log.warn({ err: error, sessionId: id }, 'a session could not be ended yet')
    }
  }

  /** Ends a session whose runner has not taken it, does not answer, or is not there. */
  async #removeRunner({ info, runnerId }: SessionRecord, reason: StopReason): Promise<void> {
    if (runnerId !== null) {
      this.#watcher.forget(runnerId)
      await this.#parts.driver.stop(runnerId, { graceMs: GRACE_MS })
    }
    await this.#finisher.finish(info.id, exitOf(reason), { runner: 'ended' })
    if (runnerId !== null) await this.#parts.store.runners.end(runnerId)
  }
}

/** How its command ended is not known. */
function exitOf(reason: StopReason): SessionExit {
  return { code: null, signal: null, reason }
}

import { setTimeout as pause } from 'node:timers/promises'
import type { Assignment, Failure } from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'
import { predecessors } from '../lifecycle/states.ts'
import type { RunnerRecord } from '../store/runner-row.ts'
import type { SessionRecord } from '../store/session-row.ts'
import { fullJitter } from './backoff.ts'
import type { Capacity } from './capacity.ts'
import { newRunnerId } from './ids.ts'
import type { Finisher } from './finisher.ts'
import type { Launcher } from './launcher.ts'
import { kindOf, type Parts, targetOf } from './parts.ts'
import { patiently } from './patience.ts'
import { assign, type RunnerTarget, status, stop, update } from './runner-client.ts'
import { openRecipe } from './sealed-recipe.ts'
import type { Recipe } from './templates/apply.ts'
import type { Watcher } from './watcher.ts'

/** A runner that is up has this long to take its session. */
const ASSIGN_WITHIN_MS = 15_000

/** A database that is away for longer leaves the session to the reconciler. */
const MARK_WITHIN_MS = 60_000

/** Runners that one session may use up. */
const MAX_RUNNERS = 3

/** A session that is being ended ends with the reason of who does it. */
const STILL_STARTING = predecessors('ended').filter((state) => state !== 'ending')

const NEXT_RUNNER = { baseMs: 200, capMs: 5_000 }
const ASK_AGAIN = { baseMs: 10, capMs: 500 }

/** What the starter needs beside the controller's parts. */
export interface StarterOptions {
  readonly parts: Parts
  readonly capacity: Capacity
  readonly finisher: Finisher
  readonly launcher: Launcher
  readonly watcher: Watcher
  /** How long a runner stays after its command's end, in milliseconds. */
  readonly lingerMs: number
  /** Limit of one recording. */
  readonly recordingMaxBytes: number
  /** A session waits for a place or for another try. */
  readonly onQueued: () => void
}

/**
 * Brings sessions to their runners: starts a runner where there is none, hands the assignment over, tries another runner
 * when one fails. Everything that it did not finish, because this process died, the reconciler takes up.
 */
export class Starter {
  readonly #options: StarterOptions
  readonly #closing = new AbortController()
  readonly #busy = new Map<string, Promise<void>>()

  constructor(options: StarterOptions) {
    this.#options = options
  }

  /** Sessions on their way to a runner. */
  get busy(): number {
    return this.#busy.size
  }

  /** True while this process brings a session to its runner. */
  has(sessionId: string): boolean {
    return this.#busy.has(sessionId)
  }

  /** Goes on with a session that has a runner's row. Returns at once. `recipe` spares opening the sealed one. */
  begin(session: SessionRecord, runner: RunnerRecord, recipe?: Recipe): void {
    const { id } = session.info
    if (this.#busy.has(id)) return
    this.#options.capacity.adopt(id)
    const work = this.#bring(session, runner, recipe).finally(() => this.#busy.delete(id))
    this.#busy.set(id, work)
  }

  /**
   * Gives a queued session a runner of its own, or a blank one. False when it does not wait any more.
   *
   * @throws {CodedError} `DATABASE_UNAVAILABLE`
   */
  async schedule(
    session: SessionRecord,
    options: { claimBlank: boolean; recipe?: Recipe },
  ): Promise<boolean> {
    const { store, driver } = this.#options.parts
    const { id } = session.info
    const row = { ...kindOf(driver), id: newRunnerId(), sessionId: id }
    const blank = options.claimBlank ? await store.runners.claimBlankFor(id, kindOf(driver)) : null
    const runner = blank ?? (await store.runners.insert(row))
    if (runner === null) return false
    this.begin({ ...session, attempts: session.attempts + 1, runnerId: runner.id }, runner, options.recipe)
    return true
  }

  /** Waits for the sessions that are on their way, but not for the database: the next life takes up what is left. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#busy.values())
  }

  async #bring(session: SessionRecord, runner: RunnerRecord, recipe?: Recipe): Promise<void> {
    const { parts } = this.#options
    try {
      if (runner.policy !== parts.driver.policy && !runner.assigned) throw outdated()
      const [target, opened] = await Promise.all([
        this.#target(runner),
        recipe ?? openRecipe(parts.sealer, parts.store.sessions, session.info.id),
      ])
      if (target !== null && opened === null && (await this.#wasAssigned(runner.id))) return
      if (target === null || opened === null) return await this.#abandon(session, runner)
      await this.#handOver(session, target, opened)
    } catch (error) {
      await this.#failed(session, runner, error).catch((second: unknown) => {
        parts.log.error(
          { err: second, sessionId: session.info.id },
          'a session that failed to start is left as it is',
        )
      })
    }
  }

  /** Somebody was faster: the assignment is erased by the statement that notes that the runner took it. */
  async #wasAssigned(runnerId: string): Promise<boolean> {
    return (await this.#options.parts.store.runners.get(runnerId))?.assigned ?? false
  }

  async #target(runner: RunnerRecord): Promise<RunnerTarget | null> {
    const { parts, launcher } = this.#options
    const up = runner.address === null ? await launcher.launch(runner.id) : runner
    return up === null ? null : targetOf(parts, up)
  }

  async #handOver(session: SessionRecord, target: RunnerTarget, recipe: Recipe): Promise<void> {
    const { parts, watcher } = this.#options
    const { id } = session.info
    if (recipe.limits !== undefined) await parts.driver.lowerLimits(target.runnerId, recipe.limits)
    watcher.watch(target, id)
    await this.#assign(target, this.#assignment(session, recipe))
    watcher.accepted(target.runnerId)
    const mark = (): Promise<boolean> => parts.store.runners.markAssigned(target.runnerId, id)
    // The command may run by now: a second runner would run it a second time.
    if (await patiently(mark, { withinMs: MARK_WITHIN_MS, signal: this.#closing.signal }))
      return await this.#tellNewEnd(session, target)
    // The command was over before this was noted. Its runner waits for those who want the output.
    if (await this.#wasAssigned(target.runnerId)) return
    // The session was ended meanwhile, and whoever did it could not tell the runner yet.
    await stop(target, { reason: 'killed', graceMs: 0 }, AbortSignal.timeout(ASSIGN_WITHIN_MS))
  }

  /** The lifetime may have been changed while the runner did not have the session yet. */
  async #tellNewEnd({ info }: SessionRecord, target: RunnerTarget): Promise<void> {
    const now = await this.#options.parts.store.sessions.find(info.id)
    if (now === null || now.info.expiresAt === info.expiresAt) return
    const expiresAtMs = Date.parse(now.info.expiresAt)
    await update(target, { expiresAtMs }, AbortSignal.timeout(ASSIGN_WITHIN_MS))
  }

  #assignment({ info }: SessionRecord, { recording, ...recipe }: Recipe): Assignment {
    const maxBytes = this.#options.recordingMaxBytes
    return {
      ...recipe,
      ...(recording === undefined ? {} : { recording: { mode: recording, maxBytes } }),
      sessionId: info.id,
      expiresAtMs: Date.parse(info.expiresAt),
      idleTimeoutMs: info.idleTimeoutSeconds * 1_000,
      lingerMs: this.#options.lingerMs,
    }
  }

  /** Asks until the runner has taken it; a runner that took it before says so. */
  async #assign(target: RunnerTarget, assignment: Assignment): Promise<void> {
    const signal = AbortSignal.timeout(ASSIGN_WITHIN_MS)
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await assign(target, assignment, signal)
      } catch (error) {
        if (!(error instanceof CodedError) || signal.aborted) throw error
        if (error.code === 'CONFLICT' && (await status(target, signal)).sessionId === assignment.sessionId)
          return
        if (error.code !== 'RUNNER_UNREACHABLE' || (await this.#isGone(target.runnerId))) throw error
        await pause(fullJitter(attempt, ASK_AGAIN), undefined, { signal })
      }
    }
  }

  async #isGone(runnerId: string): Promise<boolean> {
    const seen = await this.#options.parts.driver.inspect(runnerId)
    return seen === null || seen.state === 'gone'
  }

  async #failed(session: SessionRecord, runner: RunnerRecord, error: unknown): Promise<void> {
    const { parts, watcher } = this.#options
    const { id } = session.info
    parts.log.warn({ err: error, sessionId: id, runnerId: runner.id }, 'a runner did not take its session')
    watcher.forget(runner.id)
    await parts.driver.stop(runner.id, { graceMs: 0 })
    if (session.attempts < MAX_RUNNERS && mayHelp(error) && (await this.#requeue(session, runner, error)))
      return
    const failure = failureOf(error)
    const exit = { code: null, signal: null, reason: 'failed', failure } as const
    const options = { runner: 'ended', from: STILL_STARTING, runnerId: runner.id } as const
    await this.#options.finisher.finish(id, exit, options)
    await this.#abandon(session, runner)
  }

  async #requeue({ info, attempts }: SessionRecord, runner: RunnerRecord, error: unknown): Promise<boolean> {
    // A blank runner that was dead already is no reason to wait.
    const retryAfterMs = runner.address === null ? Math.round(fullJitter(attempts, NEXT_RUNNER)) : 0
    const { message } = failureOf(error)
    const requeue = { id: info.id, runnerId: runner.id, message, retryAfterMs }
    if ((await this.#options.parts.store.sessions.requeue(requeue)) === null) return false
    this.#options.capacity.release(info.id)
    this.#options.onQueued()
    return true
  }

  /** The session is over already: only its runner has to go. */
  async #abandon({ info }: SessionRecord, runner: RunnerRecord): Promise<void> {
    const { parts, watcher, capacity } = this.#options
    watcher.forget(runner.id)
    await parts.driver.stop(runner.id, { graceMs: 0 })
    await parts.store.runners.end(runner.id)
    capacity.release(info.id)
  }
}

/** It was claimed before a restart under other rules, and would run the session under the old ones. */
function outdated(): CodedError {
  return new CodedError('START_FAILED', 'The runner was started under rules that no longer hold.')
}

/** Another runner would meet the same full or missing folder. */
function mayHelp(error: unknown): boolean {
  return !(error instanceof CodedError && error.code === 'WORK_FOLDER_UNUSABLE')
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof CodedError))
    return { code: 'START_FAILED', message: 'The session could not be started.' }
  if (error.code === 'WORK_FOLDER_UNUSABLE') return { code: error.code, message: error.message }
  return { code: 'START_FAILED', message: error.message }
}

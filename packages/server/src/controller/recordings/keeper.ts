import { recordingKey, type RecordingStorage } from '../../recordings/storage.ts'
import type { OpenRecording } from '../../store/recordings.ts'
import { fullJitter } from '../backoff.ts'
import type { Parts } from '../parts.ts'
import { readRecording } from '../runner-client.ts'
import { runnerOf } from './runner-of.ts'
import { type Spool, SpoolOverflow } from './spool.ts'

/** What runners wrote is fetched this often. */
const EVERY_MS = 5_000

/** What nobody needs any more is looked for this often. */
const SWEEP_EVERY_MS = 600_000

const BATCH = 500
const FETCHES_AT_ONCE = 8
const STORES_AT_ONCE = 4
const FETCH_TIMEOUT_MS = 60_000

/** A storage that fails is tried again and again, for a day. */
const STORE_AGAIN = { baseMs: 1_000, capMs: 300_000 }
const GIVE_UP_MS = 86_400_000

/** The server ends within this time, whatever the storage does. */
const CLOSE_MS = 5_000

/** What a keeper works with. */
export interface KeeperOptions {
  readonly parts: Parts
  readonly storage: RecordingStorage
  readonly spool: Spool
  /** Limit of one recording. */
  readonly maxBytes: number
  /** True while this controller is the one that acts. */
  readonly leads: () => boolean
}

/** Figures of a keeper, for metrics. */
export interface KeeperFigures {
  /** Recordings that were stored since the start, and those of which something or all was lost. */
  readonly stored: number
  readonly failed: number
  /** Recordings of ended sessions that are not in their storage, however few are stored at once. */
  readonly waiting: number
}

/** What was fetched: it goes on, it is whole, its disk failed, or nobody answers. */
type Fetched = 'open' | 'complete' | 'failed' | 'unreachable'

/**
 * Brings recordings from their runners to the storage: while a session runs its new bytes to the spool, and after its
 * end the file to the storage. Rows, spool and runners tell all that it needs, so a new life goes on where the last
 * one stopped.
 */
export class RecordingKeeper {
  readonly #options: KeeperOptions
  /** Sessions whose recording is being stored. */
  readonly #storing = new Map<string, Promise<void>>()
  /** Sessions that have ended and whose recording is not finished. */
  readonly #due = new Set<string>()
  readonly #again = new Map<string, { readonly attempt: number; readonly at: number }>()
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> | null = null
  #asked = false
  #sweepAt = 0
  #closed = false
  #stored = 0
  #failures = 0

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** Figures for metrics. */
  get figures(): KeeperFigures {
    return { stored: this.#stored, failed: this.#failures, waiting: this.#due.size }
  }

  /** Looks now and from then on. */
  start(): void {
    this.lookSoon()
  }

  /** A session has ended: its recording is due. */
  lookSoon(): void {
    this.#asked = true
    if (this.#round === null) void this.#run()
  }

  /** Stops; recordings that are not stored yet wait for the next life. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    const work = Promise.allSettled([this.#round, ...this.#storing.values()])
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, CLOSE_MS)
    await Promise.race([work, late])
    clearTimeout(timer)
  }

  async #run(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    while (this.#asked && !this.#closed) {
      this.#asked = false
      this.#round = this.#look().catch((error: unknown) => {
        this.#options.parts.log.warn({ err: error }, 'recordings could not be looked after; trying again')
      })
      await this.#round
    }
    this.#round = null
    if (!this.#closed) this.#timer = setTimeout(() => this.lookSoon(), EVERY_MS).unref()
  }

  async #look(): Promise<void> {
    const { leads, parts } = this.#options
    if (!leads()) return this.#due.clear()
    await this.#sweepIfDue()
    const seen = new Set<string>()
    const ended = new Set<string>()
    for (let after = ''; !this.#closed;) {
      const batch = await parts.store.recordings.open(BATCH, after)
      for (const { sessionId, sessionState } of batch) {
        seen.add(sessionId)
        if (sessionState !== 'ended') continue
        ended.add(sessionId)
        this.#due.add(sessionId)
      }
      const queue = batch.values()
      const worker = async (): Promise<void> => {
        for (const recording of queue) await this.#keep(recording)
      }
      await Promise.all(Array.from({ length: FETCHES_AT_ONCE }, worker))
      if (batch.length < BATCH) break
      after = batch.at(-1)?.sessionId ?? ''
    }
    // Those that were deleted meanwhile are not tried again.
    for (const id of this.#again.keys()) if (!seen.has(id)) this.#again.delete(id)
    for (const id of this.#due) if (!ended.has(id)) this.#due.delete(id)
  }

  async #keep(recording: OpenRecording): Promise<void> {
    const { sessionId, runner, sessionState } = recording
    if (this.#closed || this.#storing.has(sessionId) || this.#waits(sessionId)) return
    try {
      const fetched = await this.#fetch(recording)
      if (fetched === 'complete' || fetched === 'failed') return this.#store(recording, fetched)
      if (sessionState !== 'ended' || fetched === 'open' || !(await this.#isGone(runner?.id))) return
      await this.#rescue(recording)
      this.#store(recording, 'complete')
    } catch (error) {
      this.#failed(recording, error)
    }
  }

  async #fetch({ sessionId, runner }: OpenRecording): Promise<Fetched> {
    const { parts, spool, maxBytes } = this.#options
    const target = runnerOf(parts, runner)
    if (target === null) return 'unreachable'
    const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
    const offset = await spool.size(sessionId)
    const part = await readRecording(target, offset, signal).catch((error: unknown) => {
      parts.log.debug({ err: error, sessionId }, 'a recording could not be fetched')
      return 'unreachable' as const
    })
    if (part === null) return 'failed'
    if (part === 'unreachable') return part
    try {
      const size = await spool.write(sessionId, { offset, body: part.body, maxBytes })
      if (part.state === 'open' || size !== part.total) return 'open'
    } catch (error) {
      if (error instanceof SpoolOverflow) return 'failed'
      throw error
    }
    await this.#thank(target, part.total)
    return part.state
  }

  /** Tells the runner that it may end. Should that fail, it ends by itself a little later. */
  async #thank(target: Parameters<typeof readRecording>[0], total: number): Promise<void> {
    const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
    const last = await readRecording(target, total, signal).catch((error: unknown) => {
      this.#options.parts.log.debug({ err: error }, 'a runner was not told that its recording was taken')
      return null
    })
    last?.body.resume()
  }

  async #isGone(runnerId: string | undefined): Promise<boolean> {
    if (runnerId === undefined) return true
    const seen = await this.#options.parts.driver.inspect(runnerId)
    return seen === null || seen.state === 'gone'
  }

  /** Takes what a dead runner left, if its driver can reach it: it has more than the spool. */
  async #rescue({ sessionId, runner }: OpenRecording): Promise<void> {
    const { parts, spool, maxBytes } = this.#options
    const body = runner === null ? null : await parts.driver.recordings?.open(runner.id)
    if (body === null || body === undefined) return
    try {
      await spool.write(sessionId, { offset: 0, body, maxBytes })
    } catch (error) {
      if (!(error instanceof SpoolOverflow)) throw error
    } finally {
      body.destroy()
    }
  }

  /** Begins to store, unless enough is under way; the next look comes as soon as one is done. */
  #store(recording: OpenRecording, how: 'complete' | 'failed'): void {
    if (this.#storing.size >= STORES_AT_ONCE) return
    const { sessionId } = recording
    const work = this.#finish(recording, how)
      .then(() => void this.#again.delete(sessionId))
      .catch((error: unknown) => this.#failed(recording, error))
      .finally(() => {
        this.#storing.delete(sessionId)
        if (!this.#closed) this.lookSoon()
      })
    this.#storing.set(sessionId, work)
  }

  async #finish(recording: OpenRecording, how: 'complete' | 'failed'): Promise<void> {
    const { parts, storage, spool } = this.#options
    const { sessionId, runner } = recording
    const { bytes, truncated } = await spool.settle(sessionId)
    const state = how === 'complete' && bytes > 0 ? 'stored' : 'failed'
    const isKept = bytes > 0
    if (isKept) await storage.put(recordingKey(sessionId), spool.pathOf(sessionId))
    // A session that no runner ever took had nothing to record.
    const wasBegun = isKept || runner?.assigned === true
    const written = wasBegun
      ? await parts.store.recordings.finish(sessionId, { state, bytes: isKept ? bytes : null, truncated })
      : await parts.store.recordings.forget(sessionId)
    if (!written && isKept) await storage.remove(recordingKey(sessionId))
    this.#due.delete(sessionId)
    await this.#clear(recording)
    if (!wasBegun || !written) return
    if (state === 'stored') this.#stored += 1
    else this.#failures += 1
    parts.log.info({ sessionId, bytes, truncated, state }, 'a recording is finished')
  }

  async #clear({ sessionId, runner }: OpenRecording): Promise<void> {
    await this.#options.spool.remove(sessionId)
    if (runner !== null) await this.#options.parts.driver.recordings?.drop(runner.id)
  }

  #waits(sessionId: string): boolean {
    return performance.now() < (this.#again.get(sessionId)?.at ?? 0)
  }

  #failed(recording: OpenRecording, error: unknown): void {
    const { parts } = this.#options
    const { sessionId, endedAt } = recording
    const attempt = (this.#again.get(sessionId)?.attempt ?? -1) + 1
    const waitMs = fullJitter(attempt, STORE_AGAIN)
    this.#again.set(sessionId, { attempt, at: performance.now() + waitMs })
    parts.log.warn({ err: error, sessionId, attempt }, 'a recording could not be stored; trying again')
    if (endedAt !== null && Date.now() - endedAt.getTime() > GIVE_UP_MS) void this.#giveUp(recording)
  }

  async #giveUp(recording: OpenRecording): Promise<void> {
    const { parts } = this.#options
    const { sessionId } = recording
    try {
      parts.log.error({ sessionId }, 'a recording is lost: it could not be stored for a day')
      await parts.store.recordings.finish(sessionId, { state: 'failed', bytes: null, truncated: false })
      this.#due.delete(sessionId)
      await this.#clear(recording)
      this.#again.delete(sessionId)
      this.#failures += 1
    } catch (error) {
      parts.log.warn({ err: error, sessionId }, 'a recording could not be given up yet')
    }
  }

  /** Removes files whose recording was deleted or finished, or whose runner was not the one that ran the session. */
  async #sweepIfDue(): Promise<void> {
    if (performance.now() < this.#sweepAt) return
    this.#sweepAt = performance.now() + SWEEP_EVERY_MS
    const { parts, spool } = this.#options
    const sessions = await spool.list()
    const runners = (await parts.driver.recordings?.list()) ?? []
    if (sessions.length + runners.length === 0) return
    const open = await parts.store.recordings.stillOpen({ sessions, runners })
    for (const id of sessions) if (!open.has(id)) await spool.remove(id)
    for (const id of runners) if (!open.has(id)) await parts.driver.recordings?.drop(id)
  }
}

import type { QueuedSession } from '../store/queue.ts'
import type { Capacity } from './capacity.ts'
import type { Parts } from './parts.ts'
import type { Starter } from './starter.ts'

/** Sessions whose place in the queue is kept up to date; those further back see it when they come nearer. */
const POSITIONS = 200

/** Places are told at most this often. */
const POSITIONS_EVERY_MS = 500

/** Longest pause without a look at the queue while somebody waits. */
const LOOK_EVERY_MS = 15_000

/**
 * The sessions that wait: for a place, or for another try. They are started in the store's fair order as places become
 * free, and are told their position.
 */
export class Queue {
  readonly #parts: Parts
  readonly #capacity: Capacity
  readonly #starter: Starter
  readonly #told = new Map<string, number>()
  #waiting = 0
  #running: Promise<void> | null = null
  #again = false
  #closed = false
  #timer: NodeJS.Timeout | null = null
  #dueAt = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(parts: Parts, capacity: Capacity, starter: Starter) {
    this.#parts = parts
    this.#capacity = capacity
    this.#starter = starter
  }

  /** Sessions that waited when the queue was looked at last. */
  get waiting(): number {
    return this.#waiting
  }

  /** There may be a session that can start. Looks once at a time and never misses a call. */
  look(): void {
    if (this.#closed) return
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = null
      if (this.#again) this.look()
    })
  }

  /** Waits for the look that is under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#again = false
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      try {
        await this.#once()
      } catch (error) {
        this.#parts.log.warn({ err: error }, 'the queue could not be worked off; trying again')
        this.#lookIn(1_000)
      }
    }
  }

  async #once(): Promise<void> {
    const { sessions: queued, total } = await this.#parts.store.sessions.queued(POSITIONS)
    const now = Date.now()
    const ready = queued.filter(({ retryAt }) => retryAt === null || retryAt.getTime() <= now)
    const chosen = ready.slice(0, this.#capacity.free)
    await Promise.all(chosen.map((session) => this.#start(session)))
    const left = queued.filter((session) => !chosen.includes(session))
    this.#waiting = total - chosen.length
    await this.#tell(left)
    this.#plan(left, now)
  }

  async #start({ id }: QueuedSession): Promise<void> {
    if (!this.#capacity.take(id)) return
    this.#told.delete(id)
    const session = await this.#parts.store.sessions.find(id).catch((error: unknown) => {
      this.#capacity.release(id)
      throw error
    })
    if (session === null || !(await this.#starter.schedule(session, { claimBlank: true }))) {
      this.#capacity.release(id)
    }
  }

  async #tell(left: readonly QueuedSession[]): Promise<void> {
    const present = new Set(left.map(({ id }) => id))
    for (const id of this.#told.keys()) if (!present.has(id)) this.#told.delete(id)
    if (performance.now() - this.#toldAt < POSITIONS_EVERY_MS) return this.#lookIn(POSITIONS_EVERY_MS)
    const moved = left
      .map(({ id }, index) => ({ id, queuePosition: index + 1 }))
      .filter(({ id, queuePosition }) => this.#told.get(id) !== queuePosition)
    if (moved.length > 0) this.#toldAt = performance.now()
    for (const { id, queuePosition } of moved) {
      await this.#parts.store.sessions.recordPhase(id, {
        phase: 'queued',
        message: 'Waiting for a free place.',
        queuePosition,
      })
      this.#told.set(id, queuePosition)
    }
  }

  #plan(left: readonly QueuedSession[], now: number): void {
    if (left.length === 0) return
    const retries = left.flatMap(({ retryAt }) => (retryAt === null ? [] : [retryAt.getTime() - now]))
    this.#lookIn(Math.max(10, Math.min(LOOK_EVERY_MS, ...retries.filter((ms) => ms > 0))))
  }

  /** The nearest planned look wins. */
  #lookIn(ms: number): void {
    const due = performance.now() + ms
    if (this.#closed || (this.#timer !== null && this.#dueAt <= due)) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#dueAt = due
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.look()
    }, ms).unref()
  }
}

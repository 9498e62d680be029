import type { Parts } from './parts.ts'

const EVERY_MS = 30_000
const BATCH = 500

/** Batches of one go, so that a long backlog does not keep the reconciler from its work. */
const MAX_BATCHES = 20

/** Deletes rows that are over, in bounded batches. */
export class Pruner {
  readonly #parts: Parts
  readonly #keepEndedMs: number
  #dueAt = 0

  constructor(parts: Parts, keepEndedMs: number) {
    this.#parts = parts
    this.#keepEndedMs = keepEndedMs
  }

  /** Prunes unless it did a moment ago. @throws {CodedError} `DATABASE_UNAVAILABLE` */
  async pruneIfDue(): Promise<void> {
    if (performance.now() < this.#dueAt) return
    this.#dueAt = performance.now() + EVERY_MS
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const pruned = await this.#parts.store.prune({
        sessionsMs: this.#keepEndedMs,
        eventsMs: this.#keepEndedMs,
        runnersMs: Math.min(this.#keepEndedMs, 86_400_000),
        batch: BATCH,
      })
      if (Object.values(pruned).every((rows) => rows < BATCH)) return
    }
  }
}

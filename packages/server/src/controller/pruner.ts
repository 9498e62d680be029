import type { Parts } from './parts.ts'
import type { RecordingLibrary } from './recordings/library.ts'

const EVERY_MS = 30_000
const BATCH = 500

/** Batches of one go, so that a long backlog does not keep the reconciler from its work. */
const MAX_BATCHES = 20

/** What a pruner works with. */
export interface PrunerOptions {
  readonly parts: Parts
  readonly library: RecordingLibrary
  readonly keepEndedMs: number
  readonly keepRecordingsMs: number
}

/** Deletes recordings and rows that are over, in bounded batches. */
export class Pruner {
  readonly #options: PrunerOptions
  #dueAt = 0

  constructor(options: PrunerOptions) {
    this.#options = options
  }

  /** Prunes unless it did a moment ago. @throws {CodedError} `DATABASE_UNAVAILABLE` */
  async pruneIfDue(): Promise<void> {
    if (performance.now() < this.#dueAt) return
    this.#dueAt = performance.now() + EVERY_MS
    const { parts, keepEndedMs } = this.#options
    await this.#pruneRecordings()
    for (let batch = 0; batch < MAX_BATCHES; batch += 1) {
      const pruned = await parts.store.prune({
        sessionsMs: keepEndedMs,
        eventsMs: keepEndedMs,
        runnersMs: Math.min(keepEndedMs, 86_400_000),
        batch: BATCH,
      })
      if (Object.values(pruned).every((rows) => rows < BATCH)) return
    }
  }

  /** One that cannot be deleted does not keep the others from it. */
  async #pruneRecordings(): Promise<void> {
    const { parts, library, keepRecordingsMs } = this.#options
    for (const sessionId of await parts.store.recordings.overdue(keepRecordingsMs, BATCH)) {
      try {
        await library.remove(sessionId)
      } catch (error) {
        parts.log.warn({ err: error, sessionId }, 'a recording that is over its time could not be deleted')
      }
    }
  }
}

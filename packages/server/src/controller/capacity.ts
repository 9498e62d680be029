/**
 * Places for sessions that are at work: every live session but those in the queue. The count is this process's own; with
 * several controllers each has its share of the limit.
 */
export class Capacity {
  readonly #max: number
  readonly #taken = new Set<string>()
  readonly #onFree: () => void

  /** `max`: Infinity for no limit. `onFree` is called whenever a place became free. */
  constructor(max: number, onFree: () => void) {
    this.#max = max
    this.#onFree = onFree
  }

  get free(): number {
    return Math.max(0, this.#max - this.#taken.size)
  }

  get taken(): number {
    return this.#taken.size
  }

  /** Sessions that have a place. */
  sessions(): string[] {
    return [...this.#taken]
  }

  /** Takes a place for a session; again for the same session it keeps the one. False when there is none. */
  take(sessionId: string): boolean {
    if (this.#taken.has(sessionId)) return true
    if (this.free === 0) return false
    this.#taken.add(sessionId)
    return true
  }

  /** Counts a session that is at work already, also beyond the limit. */
  adopt(sessionId: string): void {
    this.#taken.add(sessionId)
  }

  /** Gives a session's place back. */
  release(sessionId: string): void {
    if (this.#taken.delete(sessionId)) this.#onFree()
  }
}

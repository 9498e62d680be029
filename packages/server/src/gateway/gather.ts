/** Work begins at least so long after the work before it. */
const GATHER_MS = 5

/** Most pieces of work in one go: about a millisecond, so that terminals that are open are not kept waiting. */
const MAX_AT_ONCE = 32

/**
 * Does work of the same kind back to back. A piece that comes by itself is done at the end of the event loop's turn; in
 * a storm what comes within some milliseconds is done together, because the second signature in a row is checked in half
 * the time of one between other work, which has driven the code and the key's numbers out of the processor's caches.
 */
export class Gather<T> {
  readonly #work: (piece: T) => void
  #waiting: T[] = []
  #scheduled = false
  #doneAt = Number.NEGATIVE_INFINITY

  /** `work` must not throw. */
  constructor(work: (piece: T) => void) {
    this.#work = work
  }

  /** Adds a piece; it is done in the order of coming, after this call returned. */
  add(piece: T): void {
    this.#waiting.push(piece)
    this.#schedule(GATHER_MS)
  }

  #schedule(afterMs: number): void {
    if (this.#scheduled) return
    this.#scheduled = true
    const left = afterMs - (performance.now() - this.#doneAt)
    if (left > 0) setTimeout(this.#run, left)
    else setImmediate(this.#run)
  }

  readonly #run = (): void => {
    const pieces = this.#waiting
    this.#waiting = pieces.length > MAX_AT_ONCE ? pieces.splice(MAX_AT_ONCE) : []
    for (const piece of pieces) this.#work(piece)
    this.#doneAt = performance.now()
    this.#scheduled = false
    // What is left waits for the sockets' turn only.
    if (this.#waiting.length > 0) this.#schedule(0)
  }
}

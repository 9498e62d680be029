/** Longest delay of one Node timer; later times are waited for in steps. */
const MAX_DELAY_MS = 2_147_483_647

/** Calls back once at a time of the wall clock, which may be moved. */
export class Deadline {
  readonly #reached: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(reached: () => void) {
    this.#reached = reached
  }

  /** Sets or moves the time, in milliseconds since the epoch. */
  at(timeMs: number): void {
    this.clear()
    const left = timeMs - Date.now()
    this.#timer = setTimeout(
      () => (left > MAX_DELAY_MS ? this.at(timeMs) : this.#reached()),
      Math.min(MAX_DELAY_MS, Math.max(0, left)),
    )
  }

  /** Sets or moves the time to this long from now. */
  after(delayMs: number): void {
    this.at(Date.now() + delayMs)
  }

  /** Never calls back, unless set again. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

/** Calls back when nothing has happened for some time. Noting activity costs one assignment, no timer. */
export class IdleTimer {
  readonly #idle: () => void
  readonly #deadline: Deadline
  #timeoutMs = 0
  #lastMs: number = Date.now()

  constructor(idle: () => void) {
    this.#idle = idle
    this.#deadline = new Deadline(() => this.#check())
  }

  /** Milliseconds since the epoch of the last activity. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** Something happened. */
  touch(): void {
    this.#lastMs = Date.now()
  }

  /** Starts, with another timeout if it runs already; 0 stops it. */
  start(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs
    if (timeoutMs === 0) this.#deadline.clear()
    else this.#check()
  }

  /** Never calls back again. */
  stop(): void {
    this.start(0)
  }

  #check(): void {
    const end = this.#lastMs + this.#timeoutMs
    if (Date.now() >= end) this.#idle()
    else this.#deadline.at(end)
  }
}

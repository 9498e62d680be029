/** What a {@link TimerWheel} holds: the wheel's own links lie in the entry, so that an entry costs nothing more. */
export interface WheelEntry {
  wheelNext: WheelEntry | null
  wheelPrevious: WheelEntry | null
  /** Tick at which the entry is due; -1 while it is in no wheel. */
  due: number
}

/** Settings of a {@link TimerWheel}. */
export interface TimerWheelOptions<T> {
  /** Length of a tick in milliseconds. */
  readonly tickMs: number
  /** Told of each entry that is due; it is out of the wheel then and may be scheduled again. */
  readonly onDue: (entry: T) => void
}

const SLOTS = 64

/**
 * One interval for all connections (Varghese & Lauck's hashed timing wheel, 1987): an entry lies in the list of its
 * tick modulo the number of slots, so that scheduling and removing take constant time.
 */
export class TimerWheel<T extends WheelEntry> {
  private readonly slots: (T | null)[] = Array.from({ length: SLOTS }, () => null)
  private readonly onDue: (entry: T) => void
  private readonly timer: NodeJS.Timeout
  private readonly tickMs: number
  /** Number of the present tick. A coarse clock: reading it costs nothing. */
  now = 0
  /** Entries in the wheel. */
  size = 0

  constructor(options: TimerWheelOptions<T>) {
    this.onDue = options.onDue
    this.tickMs = options.tickMs
    this.timer = setInterval(() => this.turn(), options.tickMs)
    this.timer.unref()
  }

  /** Ticks in so many milliseconds, at least one. */
  ticks(ms: number): number {
    return Math.max(1, Math.round(ms / this.tickMs))
  }

  /** Puts `entry` in, or moves it, so that it is due after so many ticks (at least one). */
  schedule(entry: T, ticks: number): void {
    this.remove(entry)
    entry.due = this.now + Math.max(1, ticks)
    const slot = entry.due % SLOTS
    const head = this.slots[slot] as T | null
    entry.wheelNext = head
    if (head !== null) head.wheelPrevious = entry
    this.slots[slot] = entry
    this.size += 1
  }

  /** Takes `entry` out; nothing happens when it is not in. */
  remove(entry: T): void {
    if (entry.due < 0) return
    if (entry.wheelNext !== null) entry.wheelNext.wheelPrevious = entry.wheelPrevious
    if (entry.wheelPrevious === null) this.slots[entry.due % SLOTS] = entry.wheelNext as T | null
    else entry.wheelPrevious.wheelNext = entry.wheelNext
    entry.wheelNext = null
    entry.wheelPrevious = null
    entry.due = -1
    this.size -= 1
  }

  /** Every entry. The wheel must not change while this is read. */
  *entries(): Generator<T> {
    for (const head of this.slots) {
      for (let entry = head; entry !== null; entry = entry.wheelNext as T | null) yield entry
    }
  }

  /** Stops the clock. */
  close(): void {
    clearInterval(this.timer)
  }

  private turn(): void {
    this.now += 1
    let entry = this.slots[this.now % SLOTS] as T | null
    const due: T[] = []
    while (entry !== null) {
      if (entry.due <= this.now) due.push(entry)
      entry = entry.wheelNext as T | null
    }
    for (const one of due) {
      if (one.due < 0 || one.due > this.now) continue
      this.remove(one)
      this.onDue(one)
    }
  }
}

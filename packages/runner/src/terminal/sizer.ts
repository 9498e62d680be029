import { COLUMNS, ROWS } from '@cliscale/sdk/protocol'

/** A terminal's size in cells. */
export interface Size {
  readonly columns: number
  readonly rows: number
}

/** At most one change of size in this time while a window is dragged; the first one counts at once. */
const SETTLE_MS = 40

/** Between the two changes that make a full-screen program draw itself anew. */
const JIGGLE_MS = 30

/** Brings a size within the limits. */
export function clampSize(columns: number, rows: number): Size {
  return {
    columns: Math.min(COLUMNS.max, Math.max(COLUMNS.min, columns)),
    rows: Math.min(ROWS.max, Math.max(ROWS.min, rows)),
  }
}

/** What a sizer changes. */
export interface SizerEvents {
  /** Set the size of the PTY. */
  readonly apply: (size: Size) => void
  /** The terminal's size has changed, as everybody should know. */
  readonly changed: (size: Size) => void
}

/** Applies wishes for a size: clamped, none twice, and not more often than programs can follow. */
export class Sizer {
  #size: Size
  #wanted: Size
  #timer: NodeJS.Timeout | undefined
  #jiggle: NodeJS.Timeout | undefined
  readonly #events: SizerEvents

  constructor(size: Size, events: SizerEvents) {
    this.#size = clampSize(size.columns, size.rows)
    this.#wanted = this.#size
    this.#events = events
  }

  /** The present size. */
  get size(): Size {
    return this.#size
  }

  /** Wants a size, at once or within {@link SETTLE_MS}. */
  want(columns: number, rows: number): void {
    this.#wanted = clampSize(columns, rows)
    if (this.#timer !== undefined) return
    this.#apply()
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#apply()
    }, SETTLE_MS)
  }

  /** Wants a size, and has it when this returns. */
  set(columns: number, rows: number): void {
    this.#wanted = clampSize(columns, rows)
    this.#apply()
  }

  /** Tells the program of a size one column off and then of the right one, so that it draws itself anew. */
  jiggle(): void {
    if (this.#jiggle !== undefined) return
    const { columns, rows } = this.#size
    this.#events.apply({ columns: columns > COLUMNS.min + 1 ? columns - 1 : columns + 1, rows })
    this.#jiggle = setTimeout(() => {
      this.#jiggle = undefined
      this.#events.apply(this.#size)
    }, JIGGLE_MS)
  }

  /** Ends its timers. */
  close(): void {
    clearTimeout(this.#timer)
    clearTimeout(this.#jiggle)
  }

  #apply(): void {
    const { columns, rows } = this.#wanted
    if (columns === this.#size.columns && rows === this.#size.rows) return
    this.#size = this.#wanted
    this.#events.apply(this.#size)
    this.#events.changed(this.#size)
  }
}

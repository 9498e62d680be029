import { COLUMNS, ROWS } from '../protocol/index.ts'

/** A terminal's size in character cells. */
export interface TerminalSize {
  /** Width, 1 to 1,000. */
  readonly columns: number
  /** Height, 1 to 500. */
  readonly rows: number
}

/** Dragging a window edge yields dozens of sizes a second; programs redraw for each that they see. */
const QUIET_MS = 50

/** Sends the first size of a burst at once and then at most one every 50 ms, the last one always. */
export class Resizer {
  #wanted: TerminalSize
  #sent: TerminalSize | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  readonly #send: (size: TerminalSize) => void

  constructor(size: TerminalSize, send: (size: TerminalSize) => void) {
    this.#wanted = clampSize(size)
    this.#send = send
  }

  /** The size that this client wants. */
  get wanted(): TerminalSize {
    return this.#wanted
  }

  /** Asks for a size. */
  resize(size: TerminalSize): void {
    this.#wanted = clampSize(size)
    if (this.#timer === undefined) this.#flush()
  }

  /** The session has `size` now; `undefined` while there is none to talk to, or another client owns it. */
  known(size: TerminalSize | undefined): void {
    this.#sent = size
    if (size !== undefined && this.#timer === undefined) this.#flush()
  }

  /** Ends it. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sent = undefined
  }

  #flush(): void {
    if (this.#sent === undefined || isSame(this.#sent, this.#wanted)) return
    this.#sent = this.#wanted
    this.#send(this.#wanted)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#flush()
    }, QUIET_MS)
  }
}

function isSame(a: TerminalSize, b: TerminalSize): boolean {
  return a.columns === b.columns && a.rows === b.rows
}

/** Brings a size into the contract's limits; what is not a number becomes the default. */
export function clampSize({ columns, rows }: TerminalSize): TerminalSize {
  return { columns: clamp(columns, COLUMNS), rows: clamp(rows, ROWS) }
}

function clamp(
  value: number,
  limits: { readonly min: number; readonly max: number; readonly default: number },
): number {
  if (!Number.isFinite(value)) return limits.default
  return Math.min(limits.max, Math.max(limits.min, Math.floor(value)))
}

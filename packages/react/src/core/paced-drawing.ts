import type { IDisposable, Terminal } from '@xterm/xterm'

/** While output floods, a terminal is drawn at most this often. */
export const FLOOD_FRAME_MS = 50

/**
 * Draws a terminal less often while more than a screenful scrolls by from one frame to the next. Nobody can read such
 * frames, but laying them out takes most of the page's time and leaves garbage, and both are taken from the program,
 * from the parser and from what else the page does. Programs that draw without scrolling are drawn at every frame.
 *
 * It reaches into xterm 6: where an xterm looks different it changes nothing.
 */
export class PacedDrawing {
  readonly #terminal: Terminal
  readonly #debouncer: RenderDebouncer | undefined
  readonly #refresh: Refresh | undefined
  readonly #scrolls: IDisposable | undefined
  /** Lines since the last frame. */
  #scrolled = 0
  #drawnAt = 0
  #waiting: Parameters<Refresh> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Takes hold of a terminal that was opened. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal
    const debouncer = (terminal as { _core?: XtermCore })._core?._renderService?._renderDebouncer
    if (debouncer?.refresh === undefined) return
    this.#debouncer = debouncer
    this.#refresh = debouncer.refresh
    this.#scrolls = terminal.onScroll(() => (this.#scrolled += 1))
    debouncer.refresh = (...rows) => this.#ask(rows)
  }

  /** Lets the terminal go. */
  dispose(): void {
    clearTimeout(this.#timer)
    this.#scrolls?.dispose()
    if (this.#debouncer !== undefined && this.#refresh !== undefined) this.#debouncer.refresh = this.#refresh
  }

  #ask(rows: Parameters<Refresh>): void {
    this.#waiting = merge(this.#waiting, rows)
    const early = FLOOD_FRAME_MS - (performance.now() - this.#drawnAt)
    if (this.#scrolled <= this.#terminal.rows || early <= 0) this.#draw()
    else this.#timer ??= setTimeout(() => this.#draw(), early)
  }

  #draw(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const rows = this.#waiting
    this.#waiting = undefined
    this.#drawnAt = performance.now()
    this.#scrolled = 0
    if (rows !== undefined) this.#refresh?.call(this.#debouncer, ...rows)
  }
}

/** Rows from and to, `undefined` for the first and the last, and the number of rows. */
type Refresh = (start: number | undefined, end: number | undefined, count: number) => void

interface RenderDebouncer {
  refresh?: Refresh
}

interface XtermCore {
  readonly _renderService?: { readonly _renderDebouncer?: RenderDebouncer }
}

function merge(one: Parameters<Refresh> | undefined, other: Parameters<Refresh>): Parameters<Refresh> {
  if (one === undefined) return other
  const [start, end, count] = other
  return [
    one[0] === undefined || start === undefined ? undefined : Math.min(one[0], start),
    one[1] === undefined || end === undefined ? undefined : Math.max(one[1], end),
    count,
  ]
}

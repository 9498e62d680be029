import type { IDisposable, Terminal } from '@xterm/xterm'
import { FLOOD_FRAME_MS } from './limits.ts'

/**
 * Draws a terminal less often while more than a screenful scrolls by from one frame to the next. Nobody can read such
 * frames, but laying them out takes most of the page's time and leaves garbage, and both are taken from the program,
 * from the parser and from what else the page does. Programs that draw without scrolling are drawn at every frame.
 *
 * xterm draws all rows again for the selection in every frame in which it scrolled, also when nothing is selected:
 * without a selection that is left out, and while frames are held it waits for the next one.
 *
 * It reaches into xterm 6: where an xterm looks different it changes nothing.
 */
export class PacedDrawing {
  readonly #terminal: Terminal
  readonly #hooks: Hooks | undefined
  readonly #scrolls: IDisposable | undefined
  /** Lines since the last frame. */
  #scrolled = 0
  #drawnAt = 0
  #waiting: Parameters<Refresh> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Takes hold of a terminal that was opened. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#hooks = hooksOf(terminal)
    if (this.#hooks === undefined) return
    this.#scrolls = terminal.onScroll(() => (this.#scrolled += 1))
    this.#hooks.debouncer.refresh = (...rows) => this.#ask(rows)
    this.#hooks.service.handleSelectionChanged = (...selection) => this.#askSelection(selection)
  }

  /** Lets the terminal go. */
  dispose(): void {
    clearTimeout(this.#timer)
    this.#scrolls?.dispose()
    if (this.#hooks === undefined) return
    this.#hooks.debouncer.refresh = this.#hooks.refresh
    this.#hooks.service.handleSelectionChanged = this.#hooks.select
  }

  #ask(rows: Parameters<Refresh>): void {
    this.#waiting = merge(this.#waiting, rows)
    const early = FLOOD_FRAME_MS - (performance.now() - this.#drawnAt)
    if (this.#scrolled <= this.#terminal.rows || early <= 0) this.#draw()
    else this.#timer ??= setTimeout(() => this.#draw(), early)
  }

  #askSelection(selection: Parameters<Select>): void {
    if (this.#hooks === undefined) return
    const { service, select } = this.#hooks
    const [start, end, columnSelectMode] = selection
    if (start === undefined && service._selectionState.start === undefined) return
    if (this.#timer === undefined) return select.call(service, ...selection)
    Object.assign(service._selectionState, { start, end, columnSelectMode })
    service._needsSelectionRefresh = true
  }

  #draw(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const rows = this.#waiting
    this.#waiting = undefined
    this.#drawnAt = performance.now()
    this.#scrolled = 0
    if (rows !== undefined) this.#hooks?.refresh.call(this.#hooks.debouncer, ...rows)
  }
}

/** Rows from and to, `undefined` for the first and the last, and the number of rows. */
type Refresh = (start: number | undefined, end: number | undefined, count: number) => void

type Cell = [column: number, row: number]
type Select = (start: Cell | undefined, end: Cell | undefined, columnSelectMode: boolean) => void

/** The parts of xterm that are reached into. */
interface RenderService {
  readonly _renderDebouncer: { refresh: Refresh }
  readonly _selectionState: { start: Cell | undefined }
  _needsSelectionRefresh: boolean
  handleSelectionChanged: Select
}

interface Hooks {
  readonly service: RenderService
  readonly debouncer: { refresh: Refresh }
  /** As xterm has them. */
  readonly refresh: Refresh
  readonly select: Select
}

function hooksOf(terminal: Terminal): Hooks | undefined {
  const { _core } = terminal as { _core?: { _renderService?: Partial<RenderService> } }
  const service = _core?._renderService
  const refresh = service?._renderDebouncer?.refresh
  const select = service?.handleSelectionChanged
  if (refresh === undefined || select === undefined || service?._selectionState === undefined)
    return undefined
  const whole = service as RenderService
  return { service: whole, debouncer: whole._renderDebouncer, refresh, select }
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

import type { FitAddon } from '@xterm/addon-fit'
import type { Terminal } from '@xterm/xterm'
import { watchPixelRatio } from './pixel-ratio.ts'

/** A size in character cells. */
export interface Cells {
  readonly columns: number
  readonly rows: number
}

/** A container must keep its size for this long before the session is told; programs redraw on every resize. */
export const RESIZE_DEBOUNCE_MS = 100

/** An observer's text is never drawn smaller than this, in pixels; what does not fit then is scrolled to. */
export const MIN_FOLLOW_FONT_SIZE = 5

interface LayoutOptions {
  readonly fontSize: number
  onFit(size: Cells): void
  onVisible(visible: boolean): void
}

/** Keeps a terminal and its container in step: the driver's terminal fits, an observer's is scaled to the driver's size. */
export class ScreenLayout {
  readonly #terminal: Terminal
  readonly #fit: FitAddon
  readonly #container: HTMLElement
  readonly #options: LayoutOptions
  #stopWatching: () => void
  #fontSize: number
  #followed: Cells | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(terminal: Terminal, fit: FitAddon, container: HTMLElement, options: LayoutOptions) {
    this.#terminal = terminal
    this.#fit = fit
    this.#container = container
    this.#options = options
    this.#fontSize = options.fontSize
    this.#fitNow()
    this.#stopWatching = this.#watch()
  }

  /** The container is in another document now. */
  changeWindow(): void {
    this.#stopWatching()
    this.#stopWatching = this.#watch()
  }

  follow(size: Cells | undefined): void {
    if (this.#followed?.columns === size?.columns && this.#followed?.rows === size?.rows) return
    this.#followed = size
    this.update()
  }

  setFontSize(fontSize: number): void {
    if (fontSize === this.#fontSize) return
    this.#fontSize = fontSize
    this.update()
  }

  /** Lays out anew, at once. */
  update(): void {
    if (this.#followed === undefined) this.#fitNow()
    else this.#scaleTo(this.#followed)
  }

  dispose(): void {
    clearTimeout(this.#timer)
    this.#stopWatching()
  }

  /** Observers of another window know nothing of what is in this one. @returns what ends it */
  #watch(): () => void {
    const view = this.#container.ownerDocument.defaultView ?? window
    const resizes = new view.ResizeObserver(() => this.#schedule())
    resizes.observe(this.#container)
    const visibility = new view.IntersectionObserver((entries) => {
      const last = entries.at(-1)
      if (last !== undefined) this.#options.onVisible(last.isIntersecting)
    })
    visibility.observe(this.#container)
    // Cells are whole device pixels, so with the ratio their size changes.
    const endRatio = watchPixelRatio(view, () => this.#schedule())
    return () => {
      resizes.disconnect()
      visibility.disconnect()
      endRatio()
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.update(), RESIZE_DEBOUNCE_MS)
  }

  #fitNow(): void {
    this.#setFont(this.#fontSize)
    const size = this.#container.clientHeight === 0 ? undefined : this.#fit.proposeDimensions()
    if (size === undefined || Number.isNaN(size.cols) || Number.isNaN(size.rows)) return
    if (size.cols !== this.#terminal.cols || size.rows !== this.#terminal.rows) {
      this.#terminal.resize(size.cols, size.rows)
    }
    this.#options.onFit({ columns: size.cols, rows: size.rows })
  }

  #scaleTo({ columns, rows }: Cells): void {
    if (columns !== this.#terminal.cols || rows !== this.#terminal.rows) this.#terminal.resize(columns, rows)
    this.#setFont(this.#fontSize)
    const full = this.#fit.proposeDimensions()
    if (full === undefined || Number.isNaN(full.cols)) return
    const share = Math.min(1, full.cols / columns, full.rows / rows)
    // Cells are whole device pixels, so their size follows the font's only roughly: go down until it fits.
    for (let size = Math.ceil(this.#fontSize * share * 2) / 2; size >= MIN_FOLLOW_FONT_SIZE; size -= 0.5) {
      this.#setFont(size)
      const fitting = this.#fit.proposeDimensions()
      if (fitting === undefined || (fitting.cols >= columns && fitting.rows >= rows)) return
    }
  }

  #setFont(size: number): void {
    if (this.#terminal.options.fontSize !== size) this.#terminal.options.fontSize = size
  }
}

import type { FontVariant } from '../core/baseline-rises.ts'
import { type CellBox, cellBox, type CellFont } from '../core/cell-box.ts'
import { LINE_CLASS, type LineRenderer, separateLines } from './line-spans.ts'

/** The parts of xterm that are reached into. */
export interface CellCore {
  readonly _charSizeService?: { readonly _measureStrategy?: CellMeasure }
  readonly _coreBrowserService?: { readonly dpr: number }
  readonly optionsService?: { readonly rawOptions: CellFont }
}

interface CellMeasure {
  measure?: () => CellSize
}

/** In CSS pixels. */
interface CellSize {
  readonly width: number
  readonly height: number
}

/** The part of xterm's DOM renderer that sizes its rows. */
export interface CellRenderer extends LineRenderer {
  readonly dimensions?: {
    readonly device: { readonly cell: { readonly height: number } }
    readonly css: Record<'canvas' | 'cell', { height: number }>
  }
  readonly _terminalSelector?: string
  readonly _rowElements?: readonly HTMLElement[]
  readonly _screenElement?: HTMLElement
  readonly _dimensionsStyleElement?: HTMLElement
  _updateDimensions?: () => void
}

/** How far text may reach out of its row, in parts of the font's size. Some bound there must be: accents can be piled up. */
const REACH = 1 / 8

/**
 * Lets cells hold their characters. xterm takes the font's own ascent and descent, which browsers round, and centres
 * each span's line in the row by the metrics of its own variant: an underscore can lie below the row, where it is cut
 * off, and bold text stands a pixel higher than the text beside it.
 *
 * It reaches into xterm 6: where an xterm looks different it changes nothing.
 */
export class FittedCells {
  readonly #core: CellCore
  readonly #container: HTMLElement
  /** As xterm measures it. */
  #measure: (() => CellSize) | undefined

  constructor(core: CellCore, container: HTMLElement) {
    this.#core = core
    this.#container = container
  }

  /** Makes xterm, once, measure cells that are high enough. To be called when it opens, before its first renderer. */
  raise(): void {
    const strategy = this.#core._charSizeService?._measureStrategy
    if (this.#measure !== undefined || strategy?.measure === undefined) return
    this.#measure = strategy.measure.bind(strategy)
    strategy.measure = () => this.#raised()
  }

  /** Puts the characters of a new DOM renderer on one baseline, and its rows on whole device pixels. */
  align(renderer: CellRenderer): void {
    const update = renderer._updateDimensions
    if (this.#measure === undefined || update === undefined) return
    if (renderer._dimensionsStyleElement === undefined || renderer.dimensions === undefined) return
    renderer._updateDimensions = () => {
      update.call(renderer)
      this.#alignNow(renderer)
    }
    separateLines(renderer)
    renderer._updateDimensions()
  }

  #raised(): CellSize {
    const size = this.#measure?.() ?? { width: 0, height: 0 }
    const box = this.#box()
    // xterm multiplies with the ratio and rounds up: a little less, so that it comes to the same number.
    return box === undefined ? size : { width: size.width, height: (box.height - 0.01) / this.#dpr }
  }

  get #dpr(): number {
    return this.#core._coreBrowserService?.dpr ?? 1
  }

  #box(): CellBox | undefined {
    const font = this.#core.optionsService?.rawOptions
    const height = this.#measure?.().height ?? 0
    if (font === undefined || height === 0) return undefined
    return cellBox(this.#container.ownerDocument, font, Math.ceil(height * this.#dpr), this.#dpr)
  }

  #alignNow(renderer: CellRenderer): void {
    snapRows(renderer, this.#dpr)
    const box = this.#box()
    const sheet = renderer._dimensionsStyleElement
    if (box === undefined || sheet === undefined) return
    const { fontSize = 0 } = this.#core.optionsService?.rawOptions ?? {}
    const reach = Math.ceil(fontSize * this.#dpr * REACH)
    sheet.textContent += rowStyles(`${renderer._terminalSelector} .xterm-rows`, box, reach, this.#dpr)
  }
}

/** xterm makes the height of all rows whole CSS pixels, which puts single rows between device pixels. */
function snapRows(
  { dimensions, _rowElements: rows = [], _screenElement: screen }: CellRenderer,
  dpr: number,
): void {
  if (dimensions === undefined || rows.length === 0) return
  const { css, device } = dimensions
  css.cell.height = device.cell.height / dpr
  css.canvas.height = css.cell.height * rows.length
  for (const row of rows) row.style.height = row.style.lineHeight = `${css.cell.height}px`
  if (screen !== undefined) screen.style.height = `${css.canvas.height}px`
}

/** A line without height has its baseline at the variant's rise; padding above it does the rest. */
function rowStyles(
  rows: string,
  { baseline, lineBaseline, rises }: CellBox,
  reach: number,
  dpr: number,
): string {
  const variants: readonly (readonly [FontVariant, string])[] = [
    ['regular', ''],
    ['bold', '.xterm-bold'],
    ['italic', '.xterm-italic'],
    ['boldItalic', '.xterm-bold.xterm-italic'],
  ]
  const padding = (variant: FontVariant, down: number): string =>
    `padding-top:${Math.max(0, down / dpr - rises[variant])}px`
  return [
    `${rows}>div{overflow:clip!important;overflow-clip-margin:${reach / dpr}px}`,
    `${rows} span{box-sizing:border-box;line-height:0}`,
    `${rows} span.${LINE_CLASS}{overflow:visible clip}`,
    ...variants.map(([variant, name]) => `${rows} span${name}{${padding(variant, baseline)}}`),
    ...variants.map(
      ([variant, name]) => `${rows} span.${LINE_CLASS}${name}{${padding(variant, lineBaseline)}}`,
    ),
    // xterm takes the line of this cursor off the height, as if it came on top of it.
    `${rows} span.xterm-cursor.xterm-cursor-underline{height:100%}`,
  ].join('')
}

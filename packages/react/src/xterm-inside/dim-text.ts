import type { WebglAddon } from '@xterm/addon-webgl'
import { cssOf, dimColour, halfColour } from '../core/dim-colour.ts'
import { type ContrastFactory, keepPlainColour } from './contrast-of-lines.ts'

/** The part of xterm's DOM renderer that is reached into. */
export interface DimRenderer {
  readonly _rowFactory?: ContrastFactory & { _addStyle?: (element: HTMLElement, style: string) => void }
}

interface Colour {
  readonly css: string
  readonly rgba: number
}

/**
 * Lets dim text be read. xterm asks half the contrast of it, 2.25, and then halves the colour if that was not too little
 * before: on many backgrounds nothing can be seen.
 */
export function readDimText({ _rowFactory: factory }: DimRenderer): void {
  const apply = factory?._applyMinimumContrast
  const style = factory?._addStyle
  if (factory === undefined || apply === undefined || style === undefined) return
  factory._applyMinimumContrast = (...args) => {
    const [span, background, foreground, cell, over, overText] = args
    if (!cell.isDim()) return apply.apply(factory, args)
    const text = (overText ?? foreground) as Colour
    // What is opaque is a selection; else it is the background again, halved.
    const isSelected = over !== undefined && ((over as Colour).rgba & 0xff) === 0xff
    const behind = (isSelected ? over : background) as Colour
    factory._addStyle?.(span as HTMLElement, `color:${cssOf(dimColour(text.rgba, behind.rgba))}`)
    keepPlainColour(span as object, cssOf(halfColour(text.rgba)))
    return true
  }
}

/** The part of xterm's WebGL renderer that is reached into. */
export interface DimAddon {
  readonly _renderer?: { readonly _charAtlas?: DimAtlas }
}

interface DimAtlas {
  _getForegroundColor?: (...args: AtlasArguments) => Colour
  _getBackgroundColor?: (mode: number, colour: number, inverse: boolean, dim: boolean) => Colour
}

type AtlasArguments = [
  background: number,
  backgroundMode: number,
  backgroundColour: number,
  text: number,
  textMode: number,
  textColour: number,
  inverse: boolean,
  dim: boolean,
  bold: boolean,
  /** Lines and blocks, which programs paint with. */
  anyContrast: boolean,
]

const amended = new WeakSet<object>()

/** The same of what WebGL draws. To be called with an addon that is loaded; what it drew until then is drawn anew. */
export function readDimTextOf(addon: WebglAddon): void {
  const atlas = (addon as unknown as DimAddon)._renderer?._charAtlas
  if (atlas === undefined) {
    // Where nothing is laid out yet.
    const waits = addon.onChangeTextureAtlas(() => {
      waits.dispose()
      // It is told before it has it.
      queueMicrotask(() => readDimTextOf(addon))
    })
    return
  }
  const shared = Object.getPrototypeOf(atlas) as DimAtlas
  const { _getForegroundColor: colour, _getBackgroundColor: behind } = shared
  if (amended.has(shared) || colour === undefined || behind === undefined) return
  amended.add(shared)
  shared._getForegroundColor = function (this: DimAtlas, ...args) {
    const [, mode, background, , , , inverse, dim, , anyContrast] = args
    if (!dim || anyContrast) return colour.apply(this, args)
    args[7] = false
    args[9] = true
    const text = colour.apply(this, args)
    const rgba = dimColour(text.rgba, behind.call(this, mode, background, inverse, dim).rgba)
    return { css: cssOf(rgba), rgba }
  }
  addon.clearTextureAtlas()
}

/** How far characters reach from their baseline, in whole device pixels. */
export interface GlyphInk {
  readonly above: number
  readonly below: number
}

/** Share of full colour below which a row of pixels is an edge that nobody misses. */
const INK = 1 / 8

/**
 * Measures the pixels that characters of a font really have: what fonts and `measureText` say of themselves is
 * rounded, and an underscore that is one pixel high is lost by one pixel.
 *
 * A browser that makes canvases untrue against fingerprinting adds at most a sixteenth of the font's size, or a pixel.
 */
export class InkMeter {
  readonly #context: CanvasRenderingContext2D
  readonly #family: string
  readonly #size: number
  readonly #dpr: number

  private constructor(context: CanvasRenderingContext2D, family: string, size: number, dpr: number) {
    this.#context = context
    this.#family = family
    this.#size = size
    this.#dpr = dpr
  }

  /**
   * For a CSS font list at a size in CSS pixels.
   *
   * @returns `undefined` without a canvas
   */
  static create(page: Document, family: string, size: number, dpr: number): InkMeter | undefined {
    const canvas = page.createElement('canvas')
    canvas.width = Math.ceil(size * dpr * 2)
    canvas.height = Math.ceil(size * dpr * 3)
    const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true })
    return context === null ? undefined : new InkMeter(context, family, size, dpr)
  }

  /** The ink of all of `characters` in all of `variants`, which are styles and weights such as `italic bold`. */
  ink(characters: readonly string[], variants: readonly string[]): GlyphInk {
    return this.#measure(characters, variants, INK)
  }

  /** How far a character has at least a share of its full colour. */
  solid(character: string, variant: string, share: number): GlyphInk {
    return this.#measure([character], [variant], share)
  }

  #measure(characters: readonly string[], variants: readonly string[], share: number): GlyphInk {
    const context = this.#context
    const size = this.#size * this.#dpr
    const { width, height } = context.canvas
    const baseline = Math.round(height / 2)
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.globalCompositeOperation = 'source-over'
    context.fillStyle = '#000'
    context.fillRect(0, 0, width, height)
    // As the page draws it: letters of a size in CSS pixels, magnified.
    context.setTransform(this.#dpr, 0, 0, this.#dpr, size / 2, baseline)
    // All on one spot: a pixel becomes as light as the lightest of them.
    context.globalCompositeOperation = 'lighten'
    context.fillStyle = '#fff'
    const most = { above: 0, below: 0 }
    for (const variant of variants) {
      context.font = `${variant} ${this.#size}px ${this.#family}`
      const { fontBoundingBoxAscent, fontBoundingBoxDescent } = context.measureText('W')
      most.above = Math.max(most.above, Math.ceil(fontBoundingBoxAscent * this.#dpr))
      most.below = Math.max(most.below, Math.ceil(fontBoundingBoxDescent * this.#dpr))
      for (const character of characters) context.fillText(character, 0, 0)
    }
    const { first, last } = inkedRows(context.getImageData(0, 0, width, height), share)
    const trusted = Math.max(1, Math.round(size / 16))
    return {
      above: Math.min(most.above + trusted, Math.max(0, baseline - first)),
      below: Math.min(most.below + trusted, Math.max(0, last + 1 - baseline)),
    }
  }
}

/** The first and the last row that has at least a share of the lightest row's light. */
function inkedRows(
  { data, width, height }: ImageData,
  share: number,
): { readonly first: number; readonly last: number } {
  const lights = Array.from({ length: height }, (_, row) => {
    let light = 0
    for (let index = row * width * 4; index < (row + 1) * width * 4; index += 4) {
      light = Math.max(light, data[index] ?? 0)
    }
    return light
  })
  const least = Math.max(1, Math.max(...lights) * share)
  const inked = (light: number): boolean => light >= least
  return { first: lights.findIndex(inked), last: lights.findLastIndex(inked) }
}

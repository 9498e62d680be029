import { type BaselineRises, baselineRises, type FontVariant, type VariantStyle } from './baseline-rises.ts'
import { type GlyphInk, InkMeter } from './glyph-ink.ts'

/** The font of a terminal, as its options have it. */
export interface CellFont {
  readonly fontFamily: string
  /** CSS pixels. */
  readonly fontSize: number
  readonly fontWeight: string | number
  readonly fontWeightBold: string | number
}

/** Where characters stand in a cell. */
export interface CellBox {
  /** Height of the cell in whole device pixels. */
  readonly height: number
  /** From the top of the cell down to the baseline, in whole device pixels. */
  readonly baseline: number
  /** The same of lines and blocks, which are to fill the height. */
  readonly lineBaseline: number
  /** Of each variant: from the top of a line box without height to its baseline, in CSS pixels. */
  readonly rises: BaselineRises['variants']
}

/** Boxes that are kept; a page has few fonts and sizes, but a size can be dragged through many. */
const MAX_KEPT = 100

/** Shares of full colour, for lines that meet as well as they can: above the first a gap is not seen. */
const SOLID = [7 / 8, 1 / 2, 1 / 4, 1 / 8]

const ASCII = range(0x21, 0x7e)
const LATIN = [...ASCII, ...range(0xc0, 0xff)]

const kept = new Map<string, CellBox>()

/**
 * The cell that characters of a font fit in: at least `height` device pixels, higher where they need more. Asked again
 * for the same font it answers at once.
 *
 * Its height has room for printable ASCII in any case. For bold and italic text and for accents it grows only as far
 * as lines of neighbouring rows still meet; what has no room then may reach out of its row a little.
 *
 * @returns `undefined` where the browser does not let characters be measured, or lays nothing out
 */
export function cellBox(page: Document, font: CellFont, height: number, dpr: number): CellBox | undefined {
  const { fontFamily, fontSize, fontWeight, fontWeightBold } = font
  const key = [fontFamily, fontSize, fontWeight, fontWeightBold, height, dpr].join('\n')
  const known = kept.get(key)
  if (known !== undefined) return known
  const styles = stylesOf(font)
  const meter = InkMeter.create(page, fontFamily, fontSize, dpr)
  const rises = meter && baselineRises(page, font, styles, height / dpr)
  if (meter === undefined || rises === undefined) return undefined
  const [regular = '', ...others] = Object.values(styles).map(({ style, weight }) => `${style} ${weight}`)
  const ink = {
    ascii: meter.ink(ASCII, [regular]),
    all: meter.ink(LATIN, [regular, ...others]),
    lines: SOLID.flatMap((share) => [meter.solid('│', regular, share), meter.solid('█', regular, share)]),
  }
  const box = { ...place(ink, height, Math.round(rises.usual * dpr), stepOf(dpr)), rises: rises.variants }
  if (kept.size >= MAX_KEPT) kept.clear()
  kept.set(key, box)
  return box
}

/** Measures all fonts anew: a name can come to mean another font. */
export function forgetCellBoxes(): void {
  kept.clear()
}

interface Ink {
  /** Regular ASCII. */
  readonly ascii: GlyphInk
  /** All variants, with accents. */
  readonly all: GlyphInk
  /** The most important first. */
  readonly lines: readonly GlyphInk[]
}

/**
 * Heights and baselines are multiples of so many device pixels: browsers that do not lay out in device pixels put text
 * on whole CSS pixels. Where these are no whole device pixels there is no such grid.
 */
function stepOf(dpr: number): number {
  return Number.isInteger(dpr) ? dpr : 1
}

/** `height` and `baseline` are what they would be without a look at the characters. */
function place(ink: Ink, height: number, baseline: number, step: number): Omit<CellBox, 'rises'> {
  const ascii = inSteps(ink.ascii, step, Math.ceil)
  const all = inSteps(ink.all, step, Math.ceil)
  const lines = ink.lines.map((line) => inSteps(line, step, Math.floor))
  const [line = all] = lines
  const fitting = Math.max(Math.ceil(height / step), total(ascii), Math.min(total(all), total(line)))
  const within = ({ above, below }: GlyphInk): Range => [above, fitting - below]
  const across = ({ above, below }: GlyphInk): Range => [fitting - below, above]
  const usual = Math.round(baseline / step)
  return {
    height: fitting * step,
    baseline: nearest(usual, [within(ascii), within(all)]) * step,
    lineBaseline: nearest(usual, lines.map(across)) * step,
  }
}

function inSteps({ above, below }: GlyphInk, step: number, round: (value: number) => number): GlyphInk {
  return { above: round(above / step), below: round(below / step) }
}

type Range = readonly [least: number, most: number]

/** What is nearest to `wanted` and in all ranges; a range that the earlier ones do not allow is left out. */
function nearest(wanted: number, ranges: readonly Range[]): number {
  let [least, most] = [-Infinity, Infinity]
  for (const [from, to] of ranges) {
    if (Math.max(least, from) > Math.min(most, to)) continue
    least = Math.max(least, from)
    most = Math.min(most, to)
  }
  return Math.max(least, Math.min(wanted, most))
}

function total({ above, below }: GlyphInk): number {
  return above + below
}

function stylesOf({ fontWeight, fontWeightBold }: CellFont): Record<FontVariant, VariantStyle> {
  return {
    regular: { style: 'normal', weight: fontWeight },
    bold: { style: 'normal', weight: fontWeightBold },
    italic: { style: 'italic', weight: fontWeight },
    boldItalic: { style: 'italic', weight: fontWeightBold },
  }
}

function range(first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCharCode(first + index))
}

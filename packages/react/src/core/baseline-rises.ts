import { scaleOf } from './scale.ts'

/** The variants of a font that a terminal has. */
export type FontVariant = 'regular' | 'bold' | 'italic' | 'boldItalic'

export interface VariantStyle {
  readonly style: string
  readonly weight: string | number
}

/** Keeps the page's own rules off. */
const ALONE =
  'all:initial;position:absolute;top:0;left:0;width:100px;height:100px;visibility:hidden;white-space:pre'

/** Distances from the top of a line box down to its baseline, in CSS pixels. */
export interface BaselineRises {
  /** In a line box without height. */
  readonly variants: Readonly<Record<FontVariant, number>>
  /** Of regular text in a line box of the height that was asked for. */
  readonly usual: number
}

/**
 * Reads from a layout where baselines are: browsers round the metrics of each variant by itself.
 *
 * @param lineHeight in CSS pixels
 * @returns `undefined` where the page's body is not laid out
 */
export function baselineRises(
  page: Document,
  font: { readonly fontFamily: string; readonly fontSize: number },
  styles: Readonly<Record<FontVariant, VariantStyle>>,
  lineHeight: number,
): BaselineRises | undefined {
  const probe = page.createElement('div')
  // Through the CSSOM, which strict policies allow.
  probe.style.cssText = ALONE
  page.body.append(probe)
  const rise = ({ style, weight }: VariantStyle, height: string): number => {
    const line = page.createElement('span')
    const mark = page.createElement('span')
    line.style.cssText = 'all:initial;display:inline-block;vertical-align:top'
    mark.style.cssText = 'all:initial;display:inline-block;width:0;height:0'
    line.style.lineHeight = height
    line.style.fontFamily = font.fontFamily
    line.style.fontSize = `${font.fontSize}px`
    line.style.fontStyle = style
    line.style.fontWeight = `${weight}`
    line.append('W', mark)
    probe.append(line)
    // The page may scale or zoom its body.
    return (mark.getBoundingClientRect().bottom - line.getBoundingClientRect().top) / scaleOf(probe).y
  }
  const rises = {
    variants: {
      regular: rise(styles.regular, '0'),
      bold: rise(styles.bold, '0'),
      italic: rise(styles.italic, '0'),
      boldItalic: rise(styles.boldItalic, '0'),
    },
    usual: rise(styles.regular, `${lineHeight}px`),
  }
  const laidOut = probe.getClientRects().length > 0
  probe.remove()
  return laidOut ? rises : undefined
}

import type { Attributes, Links } from './core.ts'

/** Colour mode of the first 16 colours; the same colours out of 256 are another mode, as bold brightens only these. */
const BASIC_COLORS = 0x1000000

const FLAGS = [
  ['isBold', 1],
  ['isDim', 2],
  ['isItalic', 3],
  ['isBlink', 5],
  ['isInverse', 7],
  ['isInvisible', 8],
  ['isStrikethrough', 9],
  ['isOverline', 53],
] as const

/** The sequence that sets exactly these attributes (ECMA-48 SGR, with the underlines of kitty). */
export function sgr(attributes: Attributes): string {
  const flags = FLAGS.filter(([name]) => attributes[name]() !== 0).map(([, code]) => code)
  const codes = [0, ...flags, ...underline(attributes), ...foreground(attributes), ...background(attributes)]
  return `\x1b[${codes.join(';')}m`
}

function underline(attributes: Attributes): readonly (number | string)[] {
  const style = attributes.getUnderlineStyle()
  if (style === 0) return []
  const value = attributes.getUnderlineColor()
  const styled = style === 1 ? 4 : `4:${style}`
  if (attributes.isUnderlineColorRGB()) return [styled, `58:2::${rgb(value).join(':')}`]
  return attributes.isUnderlineColorPalette() ? [styled, `58:5:${value}`] : [styled]
}

function foreground(attributes: Attributes): readonly number[] {
  const value = attributes.getFgColor()
  if (attributes.isFgRGB()) return [38, 2, ...rgb(value)]
  if (!attributes.isFgPalette()) return []
  if (attributes.getFgColorMode() !== BASIC_COLORS) return [38, 5, value]
  return [value < 8 ? 30 + value : 82 + value]
}

function background(attributes: Attributes): readonly number[] {
  const value = attributes.getBgColor()
  if (attributes.isBgRGB()) return [48, 2, ...rgb(value)]
  if (!attributes.isBgPalette()) return []
  if (attributes.getBgColorMode() !== BASIC_COLORS) return [48, 5, value]
  return [value < 8 ? 40 + value : 92 + value]
}

function rgb(value: number): readonly number[] {
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255]
}

/** Keeps what a terminal's pen is set to, and changes only what must change. */
export class Pen {
  readonly #links: Links
  #fg = 0
  #bg = 0
  #ext = 0
  #urlId = 0

  constructor(links: Links) {
    this.#links = links
  }

  /** True while it paints no background. */
  get plain(): boolean {
    return this.#bg === 0
  }

  /** Takes the attributes of `cell`. */
  set(cell: Attributes): string {
    const { ext, urlId } = cell.extended
    const link = urlId === this.#urlId ? '' : this.#link(urlId)
    if (cell.fg === this.#fg && cell.bg === this.#bg && ext === this.#ext) return link
    this.#fg = cell.fg
    this.#bg = cell.bg
    this.#ext = ext
    return link + sgr(cell)
  }

  /** Takes no attributes. */
  reset(): string {
    const link = this.#urlId === 0 ? '' : this.#link(0)
    if (this.#fg === 0 && this.#bg === 0 && this.#ext === 0) return link
    this.#fg = 0
    this.#bg = 0
    this.#ext = 0
    return `${link}\x1b[0m`
  }

  #link(urlId: number): string {
    this.#urlId = urlId
    const data = urlId === 0 ? undefined : this.#links.getLinkData(urlId)
    return `\x1b]8;${data?.id === undefined ? '' : `id=${data.id}`};${data?.uri ?? ''}\x1b\\`
  }
}

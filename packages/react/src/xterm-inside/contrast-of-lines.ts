/** The part of xterm's DOM renderer that is reached into. */
export interface ContrastRenderer {
  readonly _rowFactory?: ContrastFactory
}

export interface ContrastFactory {
  _applyMinimumContrast?: (...args: ContrastArguments) => boolean
}

type ContrastArguments = [
  element: unknown,
  background: unknown,
  foreground: unknown,
  cell: ContrastCell,
  ...overrides: unknown[],
]

interface ContrastCell {
  getCode(): number
  isDim(): number
  isInverse(): number
}

/** A character that is no line, block or arrow. */
const LETTER = 0x57

const plainColours = new WeakMap<object, string>()

/** Remembers the colour that lines have in a span whose text gets another one. */
export function keepPlainColour(span: object, css: string): void {
  plainColours.set(span, css)
}

/** The colour that a program chose for a span whose text got another one, to be read. */
export function plainColour(span: object): string | undefined {
  return plainColours.get(span)
}

/**
 * Gives all text the least contrast. xterm decides for a span by its first character and leaves lines and blocks their
 * colour, because programs paint with them: text after one would keep it too, and lines after text would lose theirs. Here
 * each span gets the colour of text, and the lines get theirs back when they are separated.
 */
export function readTextAfterLines({ _rowFactory: factory }: ContrastRenderer): void {
  const apply = factory?._applyMinimumContrast
  if (factory === undefined || apply === undefined) return
  factory._applyMinimumContrast = (...args) => {
    const [span, , text, cell, , override] = args
    cell.getCode = () => LETTER
    const changed = apply.apply(factory, args)
    // The one of its class again.
    Reflect.deleteProperty(cell, 'getCode')
    const css = ((override ?? text) as { readonly css?: string }).css
    if (changed && css !== undefined) keepPlainColour(span as object, css)
    return changed
  }
}

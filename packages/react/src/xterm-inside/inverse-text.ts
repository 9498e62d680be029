/** The part of xterm's DOM renderer that is reached into. */
export interface InverseRenderer {
  readonly _rowFactory?: InverseFactory
}

interface InverseFactory {
  readonly _themeService?: { readonly colors: { readonly foreground: unknown; readonly background: unknown } }
  _applyMinimumContrast?: (...args: ContrastArguments) => boolean
}

type ContrastArguments = [
  element: unknown,
  background: unknown,
  foreground: unknown,
  cell: { isInverse(): number },
  ...overrides: unknown[],
]

/**
 * Gives inverse text the colour of the background. For its contrast xterm's DOM renderer takes it for text of the
 * plain colour, which on a background of that same colour becomes a grey.
 */
export function rightInverseText({ _rowFactory: factory }: InverseRenderer): void {
  const apply = factory?._applyMinimumContrast
  const theme = factory?._themeService
  if (!apply || !theme) return
  factory._applyMinimumContrast = (...args) => {
    const [, , text, cell] = args
    if (cell.isInverse() && text === theme.colors.foreground) args[2] = theme.colors.background
    return apply.apply(factory, args)
  }
}

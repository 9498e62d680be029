import type { ITheme } from '@xterm/xterm'

/** Names of the themes that come with the component. `auto` follows the system's preference. */
export type ThemeName = 'auto' | 'dark' | 'light' | 'high-contrast'

/** A theme by name, or xterm's own colours. */
export type TerminalTheme = ThemeName | ITheme

/** The system's monospaced fonts. */
export const DEFAULT_FONT =
  'ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace'

const dark: ITheme = {
  background: '#0f1419',
  foreground: '#d8dee6',
  cursor: '#7cc7ff',
  cursorAccent: '#0f1419',
  selectionBackground: '#2f5f8f88',
  scrollbarSliderBackground: '#ffffff22',
  scrollbarSliderHoverBackground: '#ffffff44',
  scrollbarSliderActiveBackground: '#ffffff55',
  black: '#39424e',
  red: '#ff7a85',
  green: '#8fd98f',
  yellow: '#f2c66d',
  blue: '#6cb6ff',
  magenta: '#d6a2ff',
  cyan: '#63d3d3',
  white: '#d8dee6',
  brightBlack: '#7d8896',
  brightRed: '#ffa3ab',
  brightGreen: '#b2e8b2',
  brightYellow: '#ffdc97',
  brightBlue: '#9fd0ff',
  brightMagenta: '#e6c8ff',
  brightCyan: '#9be8e8',
  brightWhite: '#ffffff',
}

const light: ITheme = {
  background: '#fcfcfa',
  foreground: '#22272e',
  cursor: '#0b63c5',
  cursorAccent: '#fcfcfa',
  selectionBackground: '#a9d0f588',
  scrollbarSliderBackground: '#00000022',
  scrollbarSliderHoverBackground: '#00000044',
  scrollbarSliderActiveBackground: '#00000055',
  black: '#22272e',
  red: '#b3202e',
  green: '#1a6e2e',
  yellow: '#7f5a00',
  blue: '#0b57ad',
  magenta: '#8032a8',
  cyan: '#0b6b74',
  white: '#5c6570',
  brightBlack: '#4b545f',
  brightRed: '#c92a39',
  brightGreen: '#217c38',
  brightYellow: '#8a6200',
  brightBlue: '#1465c4',
  brightMagenta: '#933fbd',
  brightCyan: '#0f7a84',
  brightWhite: '#22272e',
}

const highContrast: ITheme = {
  background: '#000000',
  foreground: '#ffffff',
  cursor: '#ffff00',
  cursorAccent: '#000000',
  selectionBackground: '#ffffff',
  selectionForeground: '#000000',
  scrollbarSliderBackground: '#ffffff88',
  scrollbarSliderHoverBackground: '#ffffffbb',
  scrollbarSliderActiveBackground: '#ffffff',
  black: '#000000',
  red: '#ff6e6e',
  green: '#5cff5c',
  yellow: '#ffff5c',
  blue: '#8ab4ff',
  magenta: '#ff8aff',
  cyan: '#5cffff',
  white: '#ffffff',
  brightBlack: '#b0b0b0',
  brightRed: '#ff9c9c',
  brightGreen: '#9cff9c',
  brightYellow: '#ffff9c',
  brightBlue: '#b8d2ff',
  brightMagenta: '#ffb8ff',
  brightCyan: '#9cffff',
  brightWhite: '#ffffff',
}

/** The themes that come with the component, to be used as they are or as a base for your own. */
export const themes: Readonly<Record<Exclude<ThemeName, 'auto'>, ITheme>> = {
  dark,
  light,
  'high-contrast': highContrast,
}

/** The colours of a theme; `auto` is light only when the system prefers light. */
export function themeColours(theme: TerminalTheme, prefersLight: boolean): ITheme {
  if (theme === 'auto') return prefersLight ? light : dark
  return typeof theme === 'string' ? themes[theme] : theme
}

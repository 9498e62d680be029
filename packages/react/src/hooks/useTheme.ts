import type { ITheme } from '@xterm/xterm'
import { type CSSProperties, useMemo, useSyncExternalStore } from 'react'
import { type TerminalTheme, themeColours } from '../core/themes.ts'

const QUERY = '(prefers-color-scheme: light)'

/** The colours of a theme; follows the system when the theme does. */
export function useThemeColours(theme: TerminalTheme): ITheme {
  const prefersLight = useSyncExternalStore(subscribe, systemPrefersLight, () => false)
  return useMemo(() => themeColours(theme, prefersLight), [theme, prefersLight])
}

/** What is drawn around the terminal takes its colours from the terminal's theme. */
export function themeVariables(colours: ITheme): CSSProperties {
  const variables: Record<string, string | undefined> = {
    '--cliscale-background': colours.background,
    '--cliscale-foreground': colours.foreground,
    '--cliscale-accent': colours.blue,
    '--cliscale-good': colours.green,
    '--cliscale-warning': colours.yellow,
    '--cliscale-bad': colours.red,
  }
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))
}

function subscribe(listener: () => void): () => void {
  const query = matchMedia(QUERY)
  query.addEventListener('change', listener)
  return () => query.removeEventListener('change', listener)
}

function systemPrefersLight(): boolean {
  return matchMedia(QUERY).matches
}

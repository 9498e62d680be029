import { useSyncExternalStore } from 'react'

/** What a person chose. */
export type ThemeChoice = 'system' | 'dark' | 'light'

/** What is drawn. */
export type Theme = 'dark' | 'light'

const KEY = 'cliscale.theme'
const prefersLight = matchMedia('(prefers-color-scheme: light)')
const listeners = new Set<() => void>()
let choice = storedChoice()
// Not asked for again: Chromium tells no change to listeners whose list was read between the change and the next frame.
let systemIsLight = prefersLight.matches

/** Draws the page as chosen, whatever is on it, and follows the system from now on; call once, before the first paint. */
export function applyTheme(): void {
  prefersLight.addEventListener('change', ({ matches }) => {
    systemIsLight = matches
    changed()
  })
  changed()
}

/** The present choice, what it is drawn as, and how to change it. */
export function useTheme(): { choice: ThemeChoice; theme: Theme; choose: (choice: ThemeChoice) => void } {
  const current = useSyncExternalStore(subscribe, () => choice)
  const theme = useSyncExternalStore(subscribe, drawnTheme)
  return { choice: current, theme, choose }
}

function choose(next: ThemeChoice): void {
  choice = next
  try {
    localStorage.setItem(KEY, next)
  } catch {
    // Storage may be off; the choice then lasts as long as the page.
  }
  changed()
}

function drawnTheme(): Theme {
  if (choice === 'system') return systemIsLight ? 'light' : 'dark'
  return choice
}

function storedChoice(): ThemeChoice {
  try {
    const stored = localStorage.getItem(KEY)
    return stored === 'dark' || stored === 'light' ? stored : 'system'
  } catch {
    return 'system'
  }
}

function changed(): void {
  document.documentElement.dataset.theme = drawnTheme()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

import { useSyncExternalStore } from 'react'

/** What a person chose. */
export type ThemeChoice = 'system' | 'dark' | 'light'

/** What is drawn. */
export type Theme = 'dark' | 'light'

const KEY = 'cliscale.theme'
const prefersLight = matchMedia('(prefers-color-scheme: light)')
const listeners = new Set<() => void>()
let choice = storedChoice()

/** Applies the choice to the page; call once, before the first paint. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = drawnTheme()
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
  if (choice === 'system') return prefersLight.matches ? 'light' : 'dark'
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
  applyTheme()
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  prefersLight.addEventListener('change', changed)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) prefersLight.removeEventListener('change', changed)
  }
}

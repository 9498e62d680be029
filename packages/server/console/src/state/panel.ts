import { useEffect, useState, useSyncExternalStore } from 'react'
import { type Route, routeHref } from './route.ts'

/** The list of sessions beside, over or instead of what is open. */
export interface Panel {
  /** `aside`: beside it, or a rail; `drawer`: over it; `page`: a phone that shows nothing but the list. */
  readonly kind: 'aside' | 'drawer' | 'page'
  readonly open: boolean
  readonly setOpen: (open: boolean) => void
}

const KEY = 'cliscale.sidebar'

/** Where the columns no longer fit beside each other; the style sheets say the same. */
const phone = matchMedia('(width < 760px)')

/** The list's present form. Beside the terminal the choice is kept; a drawer closes with each way that is gone. */
export function usePanel(route: Route): Panel {
  const narrow = useSyncExternalStore(subscribe, () => phone.matches)
  const [collapsed, setCollapsed] = useState(storedChoice)
  const [openAt, setOpenAt] = useState<string>()
  const here = routeHref(route)
  const drawer = narrow && route.page === 'session'
  const open = narrow ? !drawer || openAt === here : !collapsed
  useEscape(drawer && open, () => setOpenAt(undefined))
  return {
    kind: drawer ? 'drawer' : narrow ? 'page' : 'aside',
    open,
    setOpen: (wanted) => {
      if (narrow) setOpenAt(wanted ? here : undefined)
      else setCollapsed(keep(!wanted))
    },
  }
}

function useEscape(active: boolean, close: () => void): void {
  useEffect(() => {
    if (!active) return
    const listener = (event: KeyboardEvent): void => {
      if (
        event.key === 'Escape' &&
        !event.defaultPrevented &&
        document.querySelector('dialog[open]') === null
      )
        close()
    }
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  })
}

function keep(collapsed: boolean): boolean {
  try {
    localStorage.setItem(KEY, collapsed ? 'collapsed' : 'open')
  } catch {
    // Storage may be off; the choice then lasts as long as the page.
  }
  return collapsed
}

function storedChoice(): boolean {
  try {
    return localStorage.getItem(KEY) === 'collapsed'
  } catch {
    return false
  }
}

function subscribe(listener: () => void): () => void {
  phone.addEventListener('change', listener)
  return () => phone.removeEventListener('change', listener)
}

import { useSyncExternalStore } from 'react'

/** Where in the console a person is. It stands in the address's fragment, so the server needs to know one page only. */
export type Route =
  | { readonly page: 'list' }
  /** `observe`: joined by a link that only lets watch. */
  | { readonly page: 'session'; readonly id: string; readonly observe: boolean }

const SESSION = /^#\/sessions\/([\w-]{1,128})(\/watch)?$/

/** Reads a fragment; whatever it does not know is the list. */
export function parseRoute(fragment: string): Route {
  const match = SESSION.exec(fragment)
  const id = match?.[1]
  return id === undefined ? { page: 'list' } : { page: 'session', id, observe: match?.[2] !== undefined }
}

/** The fragment of a route. */
export function routeHref(route: Route): string {
  if (route.page === 'list') return '#/'
  return `#/sessions/${route.id}${route.observe ? '/watch' : ''}`
}

/** Goes to a route. */
export function navigate(route: Route): void {
  location.hash = routeHref(route)
}

/** The present route. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash))
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener)
  return () => window.removeEventListener('hashchange', listener)
}

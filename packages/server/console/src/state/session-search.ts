import { isCliscaleError } from '@cliscale/sdk'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { useEffect, useState } from 'react'
import { commandLine, givenName } from '../parts/session-name.ts'
import { endText, stateText } from '../parts/session-wording.ts'
import { type Directory, useDirectory } from './directory.ts'

/** States that a list can be narrowed to, in the API's words. */
export type StateFilter = 'any' | 'live' | 'queued' | 'running' | 'ended'

/** What is looked for. */
export interface SearchQuery {
  /** Words that all must occur, in any order and case. */
  readonly text: string
  readonly state: StateFilter
}

export const EVERYTHING: SearchQuery = { text: '', state: 'any' }

/** Whether a query leaves anything out. */
export function isNarrow({ text, state }: SearchQuery): boolean {
  return text.trim() !== '' || state !== 'any'
}

/** Whether a session is in the state, and each word stands in its name, id, template, owner, command or state. */
export function matches(session: SessionInfo, { text, state }: SearchQuery): boolean {
  const { id, template, owner, endReason } = session
  const ended = session.state === 'ended'
  if (state !== 'any' && (state === 'live' ? ended : session.state !== state)) return false
  const words = folded(text).split(/\s+/)
  const said = ended ? `${endText(session)} ${endReason ?? ''}` : ''
  const shown = [givenName(session) ?? '', id, template, owner, commandLine(session), session.state]
  const all = folded([...shown, stateText(session.state), said].join('\n'))
  return words.every((word) => all.includes(word))
}

function folded(text: string): string {
  return text.normalize('NFKC').toLowerCase()
}

/** Sessions of a page of the search, the most pages that are read at once, and the matches that are enough for once. */
const PAGE = 200
const PAGES = 20
const ENOUGH = 50

/** How long after the last key the server is asked. */
const PAUSE_MS = 250

/** What a search found so far. */
export interface SearchResult {
  /** Newest first. */
  readonly sessions: readonly SessionInfo[]
  /** Older sessions are still being read. */
  readonly searching: boolean
  /** Looks through sessions that are older still; absent when there are none. */
  readonly more?: (() => void) | undefined
  /** Why older sessions could not be looked through. */
  readonly problem?: string | undefined
}

/** What was read for one query. */
interface Older extends SearchResult {
  readonly key: string
}

const NOTHING: Older = { key: '', sessions: [], searching: false }

/**
 * Sessions that match. Those in the list are looked through at once and at each change; older ones are read from the
 * server, page by page, until enough were found.
 */
export function useSessionSearch(directory: Directory, query: SearchQuery): SearchResult {
  const { sessions, hasMore, live } = useDirectory(directory)
  const [older, setOlder] = useState<Older>(NOTHING)
  const { text, state } = query
  const key = `${state} ${text}`
  const asks = isNarrow(query) && hasMore && live
  useEffect(() => {
    if (!asks) return
    const stop = new AbortController()
    const tell = (result: SearchResult): void => setOlder({ ...result, key })
    const timer = setTimeout(
      () => readOlder(directory, { text, state }, { signal: stop.signal, tell }),
      PAUSE_MS,
    )
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [directory, text, state, key, asks])

  if (!isNarrow(query)) return { sessions, searching: false }
  const known = new Map(older.sessions.map((session) => [session.id, session]))
  // The list knows better: it hears of every change.
  for (const session of sessions) known.set(session.id, session)
  const found = [...known.values()].filter((session) => matches(session, query))
  const about = older.key === key ? older : { searching: true }
  return {
    ...about,
    searching: asks && about.searching,
    sessions: found.toSorted((one, other) => other.createdAt.localeCompare(one.createdAt)),
  }
}

interface Listener {
  readonly signal: AbortSignal
  readonly tell: (result: SearchResult) => void
}

function readOlder(directory: Directory, query: SearchQuery, { signal, tell }: Listener): void {
  const list = directory.client.sessions.list({
    limit: PAGE,
    signal,
    ...(query.state === 'any' ? {} : { state: query.state }),
  })
  let found: readonly SessionInfo[] = []
  const read = async (): Promise<void> => {
    tell({ sessions: found, searching: true })
    const enough = found.length + ENOUGH
    for (let page = 0; page < PAGES && list.hasNextPage && found.length < enough; page += 1) {
      const infos = (await list.nextPage()).map(({ info }) => info)
      found = [...found, ...infos.filter((info) => matches(info, query))]
      if (signal.aborted) return
    }
    tell({ sessions: found, searching: false, more: list.hasNextPage ? start : undefined })
  }
  const start = (): void => {
    read().catch((error: unknown) => {
      if (!isCliscaleError(error)) throw error
      if (!signal.aborted) tell({ sessions: found, searching: false, more: start, problem: error.message })
    })
  }
  start()
}

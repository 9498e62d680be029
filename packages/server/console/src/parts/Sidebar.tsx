import { type JSX, type RefObject, useEffect, useRef, useState } from 'react'
import { type Directory, useDirectory } from '../state/directory.ts'
import type { Panel } from '../state/panel.ts'
import type { Route } from '../state/route.ts'
import { EVERYTHING, isNarrow, useSessionSearch } from '../state/session-search.ts'
import { Icon } from './Icon.tsx'
import { SearchField } from './SearchField.tsx'
import { SessionList } from './SessionList.tsx'
import { ThemeField } from './ThemeField.tsx'

interface SidebarProps {
  readonly directory: Directory
  readonly route: Route
  readonly panel: Panel
  readonly onCreate: () => void
}

/** What the list is beside, instead of and over what is open. */
const ROLES = { aside: 'navigation', page: 'main', drawer: 'dialog' } as const

/** All sessions or those that are looked for, and what belongs to no session. */
export function Sidebar({ directory, route, panel, onCreate }: SidebarProps): JSX.Element {
  const [query, setQuery] = useState(EVERYTHING)
  const result = useSessionSearch(directory, query)
  // Where there is nothing yet, nothing can be found.
  const searchable = useDirectory(directory).sessions.length > 0 || isNarrow(query)
  const toggle = useDrawerFocus(panel)
  return (
    <div
      className="sidebar"
      role={ROLES[panel.kind]}
      aria-modal={panel.kind === 'drawer' ? true : undefined}
      aria-label="Sessions"
      data-kind={panel.kind}
      data-open={panel.open ? '' : undefined}
    >
      {panel.kind === 'page' && <h1 className="visually-hidden">Sessions</h1>}
      <div className="sidebar-head">
        {panel.kind !== 'page' && (
          <button
            ref={toggle}
            type="button"
            className="button plain icon"
            aria-label="Session list"
            aria-expanded={panel.open}
            aria-controls="session-panel"
            title={panel.open ? 'Hide the session list' : 'Show the session list'}
            onClick={() => panel.setOpen(!panel.open)}
          >
            <Icon name="panel" />
          </button>
        )}
        <a className="brand" href="#/" aria-label="Cliscale">
          <img src="./icon.svg" alt="" /> <span className="label">Cliscale</span>
        </a>
        <button
          type="button"
          className="button primary"
          aria-label="New session"
          aria-haspopup="dialog"
          title="New session"
          onClick={onCreate}
        >
          <Icon name="plus" /> <span className="label">New</span>
        </button>
      </div>
      <div id="session-panel" className="sidebar-panel" tabIndex={-1} data-refuge="">
        {searchable && <SearchField query={query} onChange={setQuery} onSummon={() => panel.setOpen(true)} />}
        <SessionList
          directory={directory}
          current={route.page === 'session' ? route.id : undefined}
          query={query}
          result={result}
          onQuery={setQuery}
          onChoose={() => {
            if (panel.kind === 'drawer') panel.setOpen(false)
          }}
        />
      </div>
      <div className="sidebar-foot">
        <ThemeField />
        <button
          type="button"
          className="button plain"
          aria-label="Sign out"
          title="Sign out"
          onClick={() => void directory.signOut()}
        >
          <Icon name="leave" /> <span className="label">Sign out</span>
        </button>
      </div>
    </div>
  )
}

/** A drawer takes the focus when it opens: what lies below is out of reach. Who opened it gets the focus back. */
function useDrawerFocus({ kind, open }: Panel): RefObject<HTMLButtonElement | null> {
  const toggle = useRef<HTMLButtonElement>(null)
  const covers = kind === 'drawer' && open
  useEffect(() => {
    if (!covers) return
    toggle.current?.focus()
    return () => document.querySelector<HTMLElement>('.session-head .list-button')?.focus()
  }, [covers])
  return toggle
}

import { type JSX, useState } from 'react'
import { type Directory, useDirectory } from '../state/directory.ts'
import type { Route } from '../state/route.ts'
import { EVERYTHING, isNarrow, useSessionSearch } from '../state/session-search.ts'
import { type ThemeChoice, useTheme } from '../state/theme.ts'
import { Icon, type IconName } from './Icon.tsx'
import { SearchField } from './SearchField.tsx'
import { SessionList } from './SessionList.tsx'

interface SidebarProps {
  readonly directory: Directory
  readonly route: Route
  readonly onCreate: () => void
}

/** All sessions or those that are looked for, and what belongs to no session. */
export function Sidebar({ directory, route, onCreate }: SidebarProps): JSX.Element {
  const [query, setQuery] = useState(EVERYTHING)
  const result = useSessionSearch(directory, query)
  // Where there is nothing yet, nothing can be found.
  const searchable = useDirectory(directory).sessions.length > 0 || isNarrow(query)
  return (
    <nav className="sidebar" aria-label="Sessions">
      <div className="sidebar-head">
        <a className="brand" href="#/">
          <img src="./icon.svg" alt="" /> Cliscale
        </a>
        <button type="button" className="button primary" onClick={onCreate}>
          <Icon name="plus" /> New
        </button>
      </div>
      {searchable && <SearchField query={query} onChange={setQuery} onSummon={() => undefined} />}
      <SessionList
        directory={directory}
        current={route.page === 'session' ? route.id : undefined}
        query={query}
        result={result}
        onQuery={setQuery}
      />
      <div className="sidebar-foot">
        <ThemeButton />
        <button type="button" className="button plain" onClick={() => void directory.signOut()}>
          <Icon name="leave" /> Sign out
        </button>
      </div>
    </nav>
  )
}

const NEXT: Readonly<Record<ThemeChoice, { choice: ThemeChoice; icon: IconName; label: string }>> = {
  system: { choice: 'dark', icon: 'system', label: 'System' },
  dark: { choice: 'light', icon: 'moon', label: 'Dark' },
  light: { choice: 'system', icon: 'sun', label: 'Light' },
}

function ThemeButton(): JSX.Element {
  const { choice, choose } = useTheme()
  const { icon, label, choice: next } = NEXT[choice]
  return (
    <button
      type="button"
      className="button plain"
      title={`Press for ${NEXT[next].label}.`}
      onClick={() => choose(next)}
    >
      <Icon name={icon} /> Theme: {label}
    </button>
  )
}

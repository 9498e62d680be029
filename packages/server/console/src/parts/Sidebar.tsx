import type { SessionInfo } from '@cliscale/sdk/protocol'
import type { JSX } from 'react'
import { useMinute } from '../state/clock.ts'
import { type Directory, useDirectory } from '../state/directory.ts'
import type { Route } from '../state/route.ts'
import { type ThemeChoice, useTheme } from '../state/theme.ts'
import { Icon, type IconName } from './Icon.tsx'
import { SessionRow } from './SessionRow.tsx'

interface SidebarProps {
  readonly directory: Directory
  readonly route: Route
  readonly onCreate: () => void
}

/** All sessions, live ones first. */
export function Sidebar({ directory, route, onCreate }: SidebarProps): JSX.Element {
  const { sessions, hasMore } = useDirectory(directory)
  const live = sessions.filter(({ state }) => state !== 'ended')
  const ended = sessions.filter(({ state }) => state === 'ended')
  const shared = {
    directory,
    current: route.page === 'session' ? route.id : undefined,
    withOwner: new Set(sessions.map(({ owner }) => owner)).size > 1,
  }
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
      <div className="session-list">
        {sessions.length === 0 && (
          <p className="list-message">There are no sessions yet. Start one with “New”.</p>
        )}
        <Group title="Live" sessions={live} {...shared} />
        <Group title="Ended" sessions={ended} {...shared} />
        {hasMore && (
          <div className="list-message">
            <button type="button" className="button" onClick={() => void directory.loadMore()}>
              Show older sessions
            </button>
          </div>
        )}
      </div>
      <div className="sidebar-foot">
        <ThemeButton />
        <button type="button" className="button plain" onClick={() => void directory.signOut()}>
          <Icon name="leave" /> Sign out
        </button>
      </div>
    </nav>
  )
}

interface GroupProps {
  readonly title: string
  readonly sessions: readonly SessionInfo[]
  readonly current: string | undefined
  readonly directory: Directory
  readonly withOwner: boolean
}

function Group({ title, sessions, current, directory, withOwner }: GroupProps): JSX.Element | null {
  useMinute()
  if (sessions.length === 0) return null
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ul>
        {sessions.map((session) => (
          <li key={session.id}>
            <SessionRow
              session={session}
              directory={directory}
              current={session.id === current}
              withOwner={withOwner}
            />
          </li>
        ))}
      </ul>
    </section>
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

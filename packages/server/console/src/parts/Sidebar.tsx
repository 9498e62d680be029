import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useEffect, useRef } from 'react'
import { useMinute } from '../state/clock.ts'
import { type Directory, useDirectory } from '../state/directory.ts'
import { type Route, routeHref } from '../state/route.ts'
import { type ThemeChoice, useTheme } from '../state/theme.ts'
import { Icon, type IconName } from './Icon.tsx'
import {
  ageText,
  commandLine,
  endText,
  recordingMark,
  sessionTitle,
  stateText,
  stateTone,
} from './session-wording.ts'

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
  const current = route.page === 'session' ? route.id : undefined
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
        <Group title="Live" sessions={live} current={current} directory={directory} />
        <Group title="Ended" sessions={ended} current={current} directory={directory} />
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
}

function Group({ title, sessions, current, directory }: GroupProps): JSX.Element | null {
  useMinute()
  if (sessions.length === 0) return null
  return (
    <section aria-label={title}>
      <h2>{title}</h2>
      <ul>
        {sessions.map((session) => (
          <li key={session.id}>
            <Row session={session} directory={directory} current={session.id === current} />
          </li>
        ))}
      </ul>
    </section>
  )
}

interface RowProps {
  readonly session: SessionInfo
  readonly directory: Directory
  readonly current: boolean
}

function Row({ session, directory, current }: RowProps): JSX.Element {
  const tone = stateTone(session)
  const ended = session.state === 'ended'
  const mark = recordingMark(session)
  const row = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    if (current) row.current?.scrollIntoView({ block: 'nearest' })
  }, [current])
  return (
    <a
      ref={row}
      className="session-row"
      href={routeHref({ page: 'session', id: session.id, observe: false })}
      aria-current={current ? 'page' : undefined}
      data-session={session.id}
      data-state={session.state}
    >
      <span className="dot" data-tone={tone} aria-hidden="true" />
      <span className="session-name">{sessionTitle(session)}</span>
      <span className="session-age">
        {mark !== undefined && (
          <span className="session-mark" data-live={ended ? undefined : ''} title={mark.about}>
            {ended ? <Icon name="play" /> : <span className="rec-dot" aria-hidden="true" />}
            <span className="visually-hidden">{mark.label}, </span>
          </span>
        )}
        {ageText(-directory.client.msUntil(session.endedAt ?? session.createdAt))}
      </span>
      <span className="session-note" data-tone={ended ? tone : undefined}>
        {ended ? endText(session) : `${stateText(session.state)} · ${noteOf(session)}`}
      </span>
    </a>
  )
}

function noteOf(session: SessionInfo): string {
  return session.metadata.name === undefined ? session.template : commandLine(session)
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

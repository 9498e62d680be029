import { type JSX, useState } from 'react'
import { useMinute } from '../state/clock.ts'
import { type Directory, useDirectory } from '../state/directory.ts'
import { EVERYTHING, isNarrow, type SearchQuery, type SearchResult } from '../state/session-search.ts'
import { type ListedSession, useSteadyList } from '../state/steady-list.ts'
import { lineText, plainText } from './session-name.ts'
import { RestingButton } from './RestingButton.tsx'
import { SessionRow } from './SessionRow.tsx'

interface SessionListProps {
  readonly directory: Directory
  readonly current: string | undefined
  readonly query: SearchQuery
  readonly result: SearchResult
  readonly onQuery: (query: SearchQuery) => void
  readonly onChoose: () => void
}

/** Sessions that match, live ones first, and what else there may be. */
export function SessionList(props: SessionListProps): JSX.Element {
  const { directory, current, query, result, onQuery, onChoose } = props
  const { hasMore, sessions: known } = useDirectory(directory)
  const { sessions } = result
  const narrow = isNarrow(query)
  const [pages, setPages] = useState(1)
  // What was asked for is shown when it is found, also below the pointer.
  const asked = `${pages} ${result.searching} ${query.state} ${query.text}`
  const { groups, events } = useSteadyList({ sessions, known, asked })
  const { live, ended, waiting } = groups
  const shared = {
    directory,
    current,
    withOwner: new Set(sessions.map(({ owner }) => owner)).size > 1,
    onChoose,
  }
  const loadMore = async (): Promise<void> => {
    await directory.loadMore()
    setPages(pages + 1)
  }
  return (
    <div className="session-list" {...events}>
      {live.length + ended.length === 0 && !narrow && (
        <p className="list-message">There are no sessions yet. Start one with “New”.</p>
      )}
      <p className="visually-hidden" role="status">
        {narrow ? foundText(query, result) : ''}
      </p>
      {live.length + ended.length === 0 && narrow && (
        <div className="list-message">
          <p>{foundText(query, result)}</p>
          <button type="button" className="button" onClick={() => onQuery(EVERYTHING)}>
            Show all sessions
          </button>
        </div>
      )}
      <Group title="Live" listed={live} waiting={waiting} {...shared} />
      <Group title="Ended" listed={ended} waiting={live.length === 0 ? waiting : 0} {...shared} />
      {result.problem !== undefined && (
        <p className="list-message" role="alert">
          Older sessions could not be searched. {result.problem}
        </p>
      )}
      {narrow && result.searching && sessions.length > 0 && (
        <p className="list-message">Searching older sessions…</p>
      )}
      {narrow && result.more !== undefined && <More label="Search older sessions" onMore={result.more} />}
      {!narrow && hasMore && <More label="Show older sessions" onMore={() => loadMore()} />}
    </div>
  )
}

function foundText({ text, state }: SearchQuery, { sessions, searching, more }: SearchResult): string {
  if (searching) return 'Searching…'
  const count = sessions.length
  if (count > 0) {
    return `${count} ${count === 1 ? 'session' : 'sessions'} found${more === undefined ? '' : ' so far'}.`
  }
  const words = lineText(plainText(text))
  const what = words === '' ? `is ${state}` : `matches “${words}”${state === 'any' ? '' : ` and is ${state}`}`
  return `No session ${what}${more === undefined ? '' : ' among the newest'}.`
}

interface MoreProps {
  readonly label: string
  readonly onMore: () => Promise<void> | void
}

function More({ label, onMore }: MoreProps): JSX.Element {
  const [problem, setProblem] = useState<string>()
  const [busy, setBusy] = useState(false)
  const more = async (): Promise<void> => {
    setBusy(true)
    setProblem(undefined)
    const before = new Set(shownRows())
    try {
      await onMore()
      // The button may be gone, and what it was pressed for is there.
      requestAnimationFrame(() =>
        shownRows()
          .find((row) => !before.has(row))
          ?.focus(),
      )
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
    setBusy(false)
  }
  return (
    <div className="list-message">
      {problem !== undefined && <p role="alert">{problem}</p>}
      <RestingButton className="button" resting={busy} onClick={() => void more()}>
        {busy ? 'Reading…' : label}
      </RestingButton>
    </div>
  )
}

function shownRows(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('.session-row')]
}

interface GroupProps {
  readonly title: string
  readonly listed: readonly ListedSession[]
  /** Sessions that are shown when the pointer has left the list. */
  readonly waiting: number
  readonly current: string | undefined
  readonly directory: Directory
  readonly withOwner: boolean
  readonly onChoose: () => void
}

function Group({ title, listed, waiting, current, ...shared }: GroupProps): JSX.Element | null {
  useMinute()
  if (listed.length === 0) return null
  return (
    <section aria-label={title}>
      <h2>
        {title}
        {waiting > 0 && (
          <span className="list-waiting" title="They are shown when the pointer has left the list.">
            {waiting} new
          </span>
        )}
      </h2>
      <ul>
        {listed.map(({ session, gone }) => (
          <li key={session.id} data-gone={gone ? '' : undefined}>
            <SessionRow session={session} current={session.id === current} {...shared} />
          </li>
        ))}
      </ul>
    </section>
  )
}

import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useEffect, useRef } from 'react'
import type { Directory } from '../state/directory.ts'
import { routeHref } from '../state/route.ts'
import { Icon } from './Icon.tsx'
import { commandLine, givenName, lineText, plainText, sessionTag, sessionTitle } from './session-name.ts'
import { ageText, endText, recordingMark, stateText, stateTone } from './session-wording.ts'

interface SessionRowProps {
  readonly session: SessionInfo
  readonly directory: Directory
  readonly current: boolean
  /** Where sessions have several owners, each row says whose it is. */
  readonly withOwner: boolean
  /** Also called for the one that is open already, to which no way leads. */
  readonly onChoose: () => void
}

/**
 * A session in the list. What it is called and runs is a stranger's text; the end of the id, which is not, has a place
 * of its own in every row, so that none looks like another.
 */
export function SessionRow({
  session,
  directory,
  current,
  withOwner,
  onChoose,
}: SessionRowProps): JSX.Element {
  const title = sessionTitle(session)
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
      onClick={onChoose}
    >
      <span className="dot" data-tone={stateTone(session)} aria-hidden="true" />
      <span className="session-name" title={title}>
        <bdi>{lineText(title)}</bdi>
      </span>
      <Age session={session} directory={directory} />
      <Note session={session} withOwner={withOwner} />
      <span className="session-tag" title={session.id}>
        {sessionTag(session)}
      </span>
    </a>
  )
}

type PartProps = Pick<SessionRowProps, 'session' | 'directory'>

function Age({ session, directory }: PartProps): JSX.Element {
  const mark = recordingMark(session)
  const ended = session.state === 'ended'
  const since = session.endedAt ?? session.createdAt
  return (
    <span className="session-age">
      {mark !== undefined && (
        <span className="session-mark" data-live={ended ? undefined : ''} title={mark.about}>
          {ended ? <Icon name="play" /> : <span className="rec-dot" aria-hidden="true" />}
          <span className="visually-hidden">{mark.label}, </span>
        </span>
      )}
      <time dateTime={since} title={`${ended ? 'Ended' : 'Created'} ${new Date(since).toLocaleString()}`}>
        {ageText(-directory.client.msUntil(since))}
      </time>
    </span>
  )
}

function Note({ session, withOwner }: Pick<SessionRowProps, 'session' | 'withOwner'>): JSX.Element {
  const ended = session.state === 'ended'
  const what = givenName(session) === undefined ? session.template : commandLine(session)
  const owner = withOwner ? plainText(session.owner) : ''
  const state = ended ? endText(session) : stateText(session.state)
  const rest = [what, owner].filter((part) => part !== '').map((part) => ` · ${lineText(part)}`)
  return (
    <span className="session-note" title={[state, what, owner].filter(Boolean).join(' · ')}>
      <bdi className="session-state" data-tone={ended ? stateTone(session) : undefined}>
        {lineText(state)}
      </bdi>
      <bdi>{rest[0]}</bdi>
      <bdi>{rest[1]}</bdi>
    </span>
  )
}

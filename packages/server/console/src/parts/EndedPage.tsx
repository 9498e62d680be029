import type { SessionInfo } from '@cliscale/sdk/protocol'
import type { JSX } from 'react'
import { Icon } from './Icon.tsx'
import { commandLine, endText, stateTone } from './session-wording.ts'

interface EndedPageProps {
  readonly info: SessionInfo
  readonly onRestart: () => void
}

/** A session that was over before it was opened: how and when it ended. */
export function EndedPage({ info, onRestart }: EndedPageProps): JSX.Element {
  const { failure } = info
  return (
    <div className="centre">
      <div className="message">
        <span className="badge" data-tone={stateTone(info)}>
          Ended
        </span>
        <h1>{endText(info)}</h1>
        {failure?.hint !== undefined && <p>{failure.hint}</p>}
        <dl className="facts">
          <Fact name="Command">
            <code>{commandLine(info)}</code>
          </Fact>
          <Fact name="Template">{info.template}</Fact>
          {failure !== null && (
            <Fact name="Error">
              <code>{failure.code}</code>
            </Fact>
          )}
          <Fact name="Started">{timeText(info.startedAt)}</Fact>
          <Fact name="Ended">{timeText(info.endedAt)}</Fact>
        </dl>
        <button type="button" className="button primary" onClick={onRestart}>
          <Icon name="plus" /> Start it again
        </button>
      </div>
    </div>
  )
}

function Fact({
  name,
  children,
}: {
  readonly name: string
  readonly children: JSX.Element | string
}): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function timeText(iso: string | null): string {
  return iso === null
    ? 'never'
    : new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })
}

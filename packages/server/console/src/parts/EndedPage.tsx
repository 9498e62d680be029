import type { SessionInfo } from '@cliscale/sdk/protocol'
import type { JSX } from 'react'
import type { Directory } from '../state/directory.ts'
import { Icon } from './Icon.tsx'
import { RecordingPage } from './RecordingPage.tsx'
import { commandLine, plainText } from './session-name.ts'
import { endText, stateTone } from './session-wording.ts'

interface EndedPageProps {
  readonly directory: Directory
  readonly info: SessionInfo
  readonly onRestart: () => void
}

/** A session that was over before it was opened: its recording, if there is one, and how and when it ended. */
export function EndedPage(props: EndedPageProps): JSX.Element {
  const { info, onRestart } = props
  const { failure } = info
  if (hasRecording(info)) return <RecordingPage {...props} />
  return (
    <div className="centre">
      <div className="message">
        <span className="badge" data-tone={stateTone(info)}>
          Ended
        </span>
        <h1>{endText(info)}</h1>
        {failure?.hint !== undefined && <p>{plainText(failure.hint)}</p>}
        <dl className="facts">
          <Fact name="Command">
            <code>{commandLine(info)}</code>
          </Fact>
          <Fact name="Template">{info.template}</Fact>
          <Fact name="Owner">{plainText(info.owner)}</Fact>
          <Fact name="Session">
            <code>{info.id}</code>
          </Fact>
          {failure !== null && (
            <Fact name="Error">
              <code>{failure.code}</code>
            </Fact>
          )}
          <Fact name="Started">{timeText(info.startedAt)}</Fact>
          <Fact name="Ended">{timeText(info.endedAt)}</Fact>
        </dl>
        <button type="button" className="button primary" onClick={onRestart}>
          <Icon name="restart" /> Start again
        </button>
      </div>
    </div>
  )
}

/** Whether there is something to play. One of a session that has just ended may still be on its way to the storage. */
export function hasRecording({ recording }: SessionInfo): boolean {
  return recording !== null && (recording.state !== 'failed' || (recording.bytes ?? 0) > 0)
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

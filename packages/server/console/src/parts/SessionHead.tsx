import { useCliscaleTerminal } from '@cliscale/react'
import type { Session } from '@cliscale/sdk'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useState } from 'react'
import type { Panel } from '../state/panel.ts'
import { EndDialog } from './EndDialog.tsx'
import { Icon, type IconName } from './Icon.tsx'
import { lineText, sessionTag, sessionTitle } from './session-name.ts'
import { ISOLATION_TEXT, recordingMark, stateText, stateTone } from './session-wording.ts'
import { RestingButton } from './RestingButton.tsx'
import { ShareDialog } from './ShareDialog.tsx'

interface SessionHeadProps {
  readonly info: SessionInfo
  readonly session: Session
  readonly observe: boolean
  readonly panel: Panel
  /** Shows the recording in place of the last screen. */
  readonly onPlay?: (() => void) | undefined
}

/** What is open, how it is kept apart, and what can be done with it. */
export function SessionHead({ info, session, observe, panel, onPlay }: SessionHeadProps): JSX.Element {
  const [dialog, setDialog] = useState<'share' | 'end'>()
  const live = info.state !== 'ended'
  const close = (): void => setDialog(undefined)
  return (
    <header className="session-head">
      {panel.kind === 'drawer' && (
        <button
          type="button"
          className="button plain icon list-button"
          aria-label="Session list"
          aria-expanded={panel.open}
          aria-controls="session-panel"
          title="Show the session list"
          onClick={() => panel.setOpen(true)}
        >
          <Icon name="panel" />
        </button>
      )}
      <div className="session-title">
        <h1 title={sessionTitle(info)}>
          <bdi>{lineText(sessionTitle(info))}</bdi>
        </h1>
        <Facts info={info} />
      </div>
      {onPlay !== undefined && (
        <div className="session-actions">
          <button type="button" className="button primary" aria-label="Play recording" onClick={onPlay}>
            <Icon name="play" /> <span className="label">Play recording</span>
          </button>
        </div>
      )}
      {live && (
        <div className="session-actions">
          <Action
            info={info}
            name="Share"
            about="Share this screen"
            icon="share"
            label="Share"
            onOpen={() => setDialog('share')}
          />
          {!observe && (
            <Action
              info={info}
              name="End session"
              about="End this session"
              icon="stop"
              label={info.state === 'ending' ? 'Ending…' : 'End'}
              danger
              onOpen={() => setDialog('end')}
            />
          )}
        </div>
      )}
      {dialog === 'share' && <ShareDialog id={info.id} onClose={close} />}
      {dialog === 'end' && <EndDialog info={info} session={session} onClose={close} />}
    </header>
  )
}

interface ActionProps {
  readonly info: SessionInfo
  readonly name: string
  readonly about: string
  readonly icon: IconName
  readonly label: string
  readonly danger?: boolean
  readonly onOpen: () => void
}

/** Opens a dialog about the session; not while it is ending. */
function Action({ info, name, about, icon, label, danger = false, onOpen }: ActionProps): JSX.Element {
  const ending = info.state === 'ending'
  return (
    <RestingButton
      className={danger ? 'button danger' : 'button'}
      aria-label={name}
      aria-haspopup="dialog"
      title={ending ? 'The session is ending' : about}
      resting={ending}
      onClick={onOpen}
    >
      <Icon name={icon} /> <span className="label">{label}</span>
    </RestingButton>
  )
}

function Facts({ info }: { readonly info: SessionInfo }): JSX.Element {
  const { state, size, latencyMs } = useCliscaleTerminal()
  const connected = state === 'connected' && info.state === 'running'
  return (
    <div className="session-facts">
      <span className="fact-state" data-field="session-state">
        <span className="dot" data-tone={stateTone(info)} aria-hidden="true" />
        <span className="text">{stateText(info.state)}</span>
      </span>
      <RecordingBadge info={info} />
      <IsolationBadge info={info} />
      {connected && (
        <span className="wide">
          {size.columns}×{size.rows}
        </span>
      )}
      {connected && latencyMs !== null && <span className="wide">{latencyMs} ms</span>}
      <span className="wide">{info.template}</span>
      <span className="session-tag" title={`The session’s id is ${info.id}`}>
        {sessionTag(info)}
      </span>
    </div>
  )
}

function IsolationBadge({ info }: { readonly info: SessionInfo }): JSX.Element {
  const { label, about } = ISOLATION_TEXT[info.isolation]
  return (
    <span
      className="badge"
      data-tone={info.isolation === 'none' ? 'warning' : 'good'}
      data-field="isolation"
      title={about}
    >
      {label}
    </span>
  )
}

function RecordingBadge({ info }: { readonly info: SessionInfo }): JSX.Element | null {
  const mark = recordingMark(info)
  if (mark === undefined) return null
  const running = info.state !== 'ended'
  return (
    <span
      className="badge"
      data-tone={running || info.recording?.state === 'failed' ? 'bad' : 'none'}
      data-field="recording"
      data-mode={info.recording?.mode}
      title={mark.about}
    >
      {running && info.recording?.state !== 'failed' && <span className="rec-dot" aria-hidden="true" />}
      <span>{mark.label}</span>
      <span className="visually-hidden">: {mark.about}</span>
    </span>
  )
}

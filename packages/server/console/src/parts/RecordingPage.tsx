import { CliscalePlayer } from '@cliscale/react'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useState } from 'react'
import { address } from '../state/address.ts'
import type { Directory } from '../state/directory.ts'
import { useTheme } from '../state/theme.ts'
import { DeleteRecordingDialog } from './DeleteRecordingDialog.tsx'
import { Icon } from './Icon.tsx'
import { lineText, sessionTitle } from './session-name.ts'
import { endText } from './session-wording.ts'

interface RecordingPageProps {
  readonly directory: Directory
  readonly info: SessionInfo
  readonly onRestart: () => void
}

/** An ended session that was recorded: the recording, and what can be done with it. */
export function RecordingPage({ directory, info, onRestart }: RecordingPageProps): JSX.Element {
  const { theme } = useTheme()
  const [deleting, setDeleting] = useState(false)
  return (
    <>
      <div className="session-stage">
        <CliscalePlayer
          sessionId={info.id}
          theme={theme}
          label={`Recording of ${lineText(sessionTitle(info))}`}
          // Deleted elsewhere, or over its time: what is offered for it goes too.
          onError={({ code }) => {
            if (code === 'RECORDING_NOT_FOUND') void directory.refresh(info.id)
          }}
        />
      </div>
      <footer className="recording-bar">
        <p>
          <strong>{endText(info)}</strong>
          <span className="muted">{factsText(info)}</span>
          <Lack info={info} />
        </p>
        <div className="recording-actions">
          <a
            className="button"
            href={address(`v1/sessions/${encodeURIComponent(info.id)}/recording`)}
            download={`${info.id}.cast`}
            aria-label="Download"
          >
            <Icon name="download" /> <span className="label">Download</span>
          </a>
          <button
            type="button"
            className="button danger"
            aria-label="Delete recording"
            onClick={() => setDeleting(true)}
          >
            <Icon name="trash" /> <span className="label">Delete</span>
          </button>
          <button type="button" className="button primary" onClick={onRestart}>
            <Icon name="restart" /> Start again
          </button>
        </div>
      </footer>
      {deleting && (
        <DeleteRecordingDialog directory={directory} info={info} onClose={() => setDeleting(false)} />
      )}
    </>
  )
}

function Lack({ info: { recording } }: { readonly info: SessionInfo }): JSX.Element | null {
  const failed = recording?.state === 'failed'
  if (!failed && recording?.truncated !== true) return null
  return (
    <span className="lack" data-tone={failed ? 'bad' : 'warning'}>
      {failed
        ? 'Part of the recording could not be kept.'
        : 'The recording stops at the size limit; the session went on.'}
    </span>
  )
}

function factsText({ recording, endedAt }: SessionInfo): string {
  const parts = [
    endedAt === null
      ? ''
      : new Date(endedAt).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }),
    recording?.bytes == null ? '' : sizeText(recording.bytes),
    recording?.mode === 'output-and-input' ? 'output and input' : '',
  ]
  return parts.filter((part) => part !== '').join(' · ')
}

function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  return bytes < 1_000_000 ? `${Math.ceil(bytes / 1_000)} KB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

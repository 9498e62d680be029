import type { Session } from '@cliscale/sdk'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useState } from 'react'
import { Dialog } from './Dialog.tsx'
import { RestingButton } from './RestingButton.tsx'
import { SessionName } from './SessionName.tsx'

interface EndDialogProps {
  readonly info: SessionInfo
  readonly session: Session
  readonly onClose: () => void
}

/** Asks before a session is ended: what runs in it is lost. */
export function EndDialog({ info, session, onClose }: EndDialogProps): JSX.Element {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const end = async (): Promise<void> => {
    setBusy(true)
    try {
      await session.kill()
      onClose()
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
      setBusy(false)
    }
  }
  return (
    <Dialog title="End this session?" onClose={onClose}>
      <p>
        <SessionName info={info} /> is stopped, for everyone who watches it. What it has not saved outside of
        its work folder is lost.
      </p>
      {problem !== undefined && (
        <div className="alert" role="alert">
          {problem}
        </div>
      )}
      <div className="dialog-actions">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <RestingButton className="button danger solid" resting={busy} onClick={() => void end()}>
          {busy ? 'Ending…' : 'End session'}
        </RestingButton>
      </div>
    </Dialog>
  )
}

import { isCliscaleError } from '@cliscale/sdk'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useState } from 'react'
import type { Directory } from '../state/directory.ts'
import { Dialog } from './Dialog.tsx'
import { RestingButton } from './RestingButton.tsx'
import { SessionName } from './SessionName.tsx'

interface DeleteRecordingDialogProps {
  readonly directory: Directory
  readonly info: SessionInfo
  readonly onClose: () => void
}

/** Asks before a recording is deleted: it cannot be had back. */
export function DeleteRecordingDialog(props: DeleteRecordingDialogProps): JSX.Element {
  const { directory, info, onClose } = props
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()
  const remove = async (): Promise<void> => {
    setBusy(true)
    try {
      await directory.deleteRecording(info.id)
      onClose()
    } catch (error) {
      if (!isCliscaleError(error)) throw error
      setProblem(error.message)
      setBusy(false)
    }
  }
  return (
    <Dialog title="Delete this recording?" onClose={onClose}>
      <p>
        The recording of <SessionName info={info} /> is deleted for everyone and cannot be had back. The
        session stays in the list.
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
        <RestingButton className="button danger solid" resting={busy} onClick={() => void remove()}>
          {busy ? 'Deleting…' : 'Delete recording'}
        </RestingButton>
      </div>
    </Dialog>
  )
}

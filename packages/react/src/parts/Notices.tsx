import type { JSX } from 'react'
import { useEffect, useRef } from 'react'
import type { PasteRequest } from '../core/paste.ts'
import { bytesText } from '../core/wording.ts'

/** The connection is gone and is being brought back; the screen stays as it was. */
export function ReconnectingNotice({ offline }: { readonly offline: boolean }): JSX.Element {
  return (
    <div className="cliscale-notice" role="status" data-notice="reconnecting" data-delay="">
      <span className="cliscale-notice-mark" aria-hidden="true" />
      {offline
        ? 'You are offline. The session goes on and the screen comes back with the network.'
        : 'Connection lost. Reconnecting…'}
    </div>
  )
}

interface PasteQuestionProps {
  readonly request: PasteRequest
  readonly onAnswer: (paste: boolean) => void
}

/** Shows what is about to be typed: several lines run at once in a shell, and a clipboard may hold anything. */
export function PasteQuestion({ request, onAnswer }: PasteQuestionProps): JSX.Element {
  const confirm = useRef<HTMLButtonElement>(null)
  useEffect(() => confirm.current?.focus(), [])
  const amount =
    request.lines > 1 ? `${request.lines.toLocaleString('en')} lines` : bytesText(request.text.length)
  return (
    <div
      className="cliscale-notice cliscale-question"
      role="alertdialog"
      aria-label={`Paste ${amount}?`}
      data-notice="paste"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onAnswer(false)
      }}
    >
      <p>Paste {amount}?</p>
      <Preview text={request.text} />
      <div className="cliscale-actions">
        <button
          ref={confirm}
          type="button"
          className="cliscale-button"
          data-primary=""
          onClick={() => onAnswer(true)}
        >
          Paste
        </button>
        <button type="button" className="cliscale-button" onClick={() => onAnswer(false)}>
          Cancel
        </button>
      </div>
    </div>
  )
}

/** The start of a text. It scrolls, and by keys only what can have the focus does. */
function Preview({ text }: { readonly text: string }): JSX.Element {
  return (
    <pre role="group" aria-label="The text" tabIndex={0}>
      {text.length > 600 ? `${text.slice(0, 600)}…` : text}
    </pre>
  )
}

interface CopyQuestionProps {
  readonly text: string
  readonly onAnswer: (copy: boolean) => void
}

/** A program wants to write to the clipboard while no gesture of the user is recent. */
export function CopyQuestion({ text, onAnswer }: CopyQuestionProps): JSX.Element {
  return (
    <div className="cliscale-notice cliscale-question" role="status" data-notice="copy">
      <p>The program wants to copy this to your clipboard:</p>
      <Preview text={text} />
      <div className="cliscale-actions">
        <button type="button" className="cliscale-button" data-primary="" onClick={() => onAnswer(true)}>
          Copy
        </button>
        <button type="button" className="cliscale-button" onClick={() => onAnswer(false)}>
          Dismiss
        </button>
      </div>
    </div>
  )
}

import { type JSX, useId, useRef, useState } from 'react'
import { routeHref } from '../state/route.ts'
import { Dialog } from './Dialog.tsx'
import { Icon } from './Icon.tsx'

interface ShareDialogProps {
  readonly id: string
  readonly onClose: () => void
}

/** Links by which another tab, or another browser that is signed in, comes to the same screen. */
export function ShareDialog({ id, onClose }: ShareDialogProps): JSX.Element {
  const address = (observe: boolean): string =>
    location.origin + location.pathname + routeHref({ page: 'session', id, observe })
  return (
    <Dialog title="Share this screen" onClose={onClose}>
      <LinkRow label="To watch" help="Sees this screen and cannot type." address={address(true)} />
      <LinkRow
        label="To take part"
        help="Watches at first, and can take control: then it types and you watch."
        address={address(false)}
      />
      <p className="muted">The links hold no secret: whoever opens one must be signed in to this console.</p>
    </Dialog>
  )
}

interface LinkRowProps {
  readonly label: string
  readonly help: string
  readonly address: string
}

function LinkRow({ label, help, address }: LinkRowProps): JSX.Element {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [outcome, setOutcome] = useState<'copied' | 'refused'>()
  const copy = async (): Promise<void> => {
    input.current?.select()
    try {
      await navigator.clipboard.writeText(address)
      setOutcome('copied')
    } catch {
      // Without the permission, or over plain http, the selection is copied the old way.
      setOutcome(document.execCommand('copy') ? 'copied' : 'refused')
    }
  }
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <div className="copy-row">
        <input
          ref={input}
          id={id}
          className="input mono"
          readOnly
          value={address}
          aria-describedby={`${id}-help`}
        />
        <button
          type="button"
          className="button"
          aria-label={`Copy the link: ${label}`}
          onClick={() => void copy()}
        >
          <Icon name={outcome === 'copied' ? 'check' : 'copy'} /> {outcome === 'copied' ? 'Copied' : 'Copy'}
        </button>
        <a
          className="button"
          href={address}
          target="_blank"
          rel="noopener noreferrer"
          aria-label={`Open in a new tab: ${label}`}
        >
          Open
        </a>
      </div>
      <div id={`${id}-help`} className="help">
        {help}
      </div>
      <div className="help" role="status">
        {outcome === 'copied' && <span className="visually-hidden">The link is copied.</span>}
        {outcome === 'refused' &&
          'The browser does not let this page copy. The link is selected: copy it by hand.'}
      </div>
    </div>
  )
}

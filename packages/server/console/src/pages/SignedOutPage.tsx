import type { JSX } from 'react'
import { Message } from '../parts/Message.tsx'
import type { SignInResult } from '../state/sign-in.ts'

/** This browser is not signed in, or the link that should have done it is no good. */
export function SignedOutPage({ failure }: { readonly failure?: SignInResult }): JSX.Element {
  const away = failure?.ok === false && failure.why === 'away'
  if (away) {
    return (
      <Message title="The server cannot be reached" alert>
        <p>{failure.message} Start it, then open the link again; it was not used up.</p>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          Reload
        </button>
      </Message>
    )
  }
  return (
    <Message title={failure === undefined ? 'Sign in to the console' : 'This link does not work any more'}>
      <p>
        {failure === undefined
          ? 'The console opens by a link that the server prints. To get one, run this where the server runs:'
          : 'Each link signs one browser in, once, within an hour. To get a new one, run this where the server runs:'}
      </p>
      <pre>cliscale-server login</pre>
      <p className="muted">Then open the link that it prints in this browser.</p>
    </Message>
  )
}

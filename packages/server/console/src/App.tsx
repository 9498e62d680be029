import { CliscaleProvider } from '@cliscale/react'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useEffect, useState } from 'react'
import { SignedOutPage } from './pages/SignedOutPage.tsx'
import { Workspace } from './pages/Workspace.tsx'
import { Loading, Message } from './parts/Message.tsx'
import { type Directory, useDirectory } from './state/directory.ts'
import { useKeepFocus } from './state/keep-focus.ts'
import { navigate, parseRoute } from './state/route.ts'
import { signIn, type SignInResult } from './state/sign-in.ts'

interface AppProps {
  readonly directory: Directory
  /** One-time code of the link that this page was opened by. */
  readonly code: string | undefined
}

/** The console: signs in if it was opened by a link, then shows the sessions. */
export function App({ directory, code }: AppProps): JSX.Element {
  const failure = useSignIn(directory, code)
  const { status } = useDirectory(directory)
  useKeepFocus()
  if (failure === undefined && status === 'ready') {
    return (
      <CliscaleProvider client={directory.client}>
        <Workspace directory={directory} />
      </CliscaleProvider>
    )
  }
  return (
    <main className="alone" tabIndex={-1}>
      <BeforeSessions directory={directory} failure={failure} />
    </main>
  )
}

interface BeforeSessionsProps {
  readonly directory: Directory
  readonly failure: SignInResult | undefined
}

/** What there is to see as long as there are no sessions to show. */
function BeforeSessions({ directory, failure }: BeforeSessionsProps): JSX.Element {
  const { status, error } = useDirectory(directory)
  if (failure !== undefined) return <SignedOutPage failure={failure} />
  if (status === 'signed-out') return <SignedOutPage />
  if (status === 'error') {
    return (
      <Message title="The server does not answer as it should" alert>
        <p>{error?.message}</p>
        <p className="muted">
          <code>{error?.code}</code>
        </p>
        <button type="button" className="button primary" onClick={() => directory.start()}>
          Try again
        </button>
      </Message>
    )
  }
  return <Loading label="Opening the console" />
}

/** A code works once, so it is exchanged once, however often React mounts the component. */
const exchanges = new Map<string, Promise<SignInResult>>()

function useSignIn(directory: Directory, code: string | undefined): SignInResult | undefined {
  const [failure, setFailure] = useState<SignInResult>()
  useEffect(() => {
    if (code === undefined) {
      directory.start()
      return
    }
    if (exchanges.has(code)) return
    const exchange = signIn(code)
    exchanges.set(code, exchange)
    void exchange.then(async (result) => {
      directory.start()
      const { status, sessions } = await directory.ready()
      // A browser that is signed in already may well open an old link.
      if (!result.ok && status !== 'ready') setFailure(result)
      else if (result.ok) await openShell(directory, sessions)
    })
  }, [directory, code])
  return failure
}

/** The first thing to see is a live shell: the newest, or, without one, a new one. */
async function openShell(directory: Directory, sessions: readonly SessionInfo[]): Promise<void> {
  // Who opens a link to a session wants that one.
  if (parseRoute(location.hash).page === 'session') return
  try {
    const { id } = sessions.find(({ state }) => state !== 'ended') ?? (await directory.create({}))
    navigate({ page: 'session', id, observe: false })
  } catch {
    // The list is there, with its own button to start one, which then says what is wrong.
    navigate({ page: 'list' })
  }
}

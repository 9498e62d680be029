import { CliscaleTerminal } from '@cliscale/react'
import { isCliscaleError, type Session, TokenSource } from '@cliscale/sdk'
import type { CliscaleError } from '@cliscale/sdk/errors'
import type { Role, SessionInfo } from '@cliscale/sdk/protocol'
import { type JSX, useEffect, useMemo, useState } from 'react'
import { EndedPage, hasRecording } from '../parts/EndedPage.tsx'
import { Loading, Message } from '../parts/Message.tsx'
import { SessionHead } from '../parts/SessionHead.tsx'
import { lineText, sessionTitle } from '../parts/session-name.ts'
import { terminalAddress } from '../state/address.ts'
import { type Directory, useDirectory } from '../state/directory.ts'
import type { Panel } from '../state/panel.ts'
import { useTheme } from '../state/theme.ts'

interface SessionPageProps {
  readonly directory: Directory
  readonly id: string
  /** Only watch, by a link that says so. */
  readonly observe: boolean
  readonly panel: Panel
  readonly onOpen: (id: string) => void
}

/** One session: its terminal if it lives, else how it ended. */
export function SessionPage(props: SessionPageProps): JSX.Element {
  const { directory, id } = props
  const { session, error } = useSession(directory, id)
  const listed = useDirectory(directory).sessions.find((one) => one.id === id)
  if (error !== undefined) {
    return (
      <Message title="There is no such session" alert>
        <p>{error.message}</p>
        <a className="button" href="#/">
          Back to the sessions
        </a>
      </Message>
    )
  }
  if (session === undefined) return <Loading label="Opening the session" />
  return <OpenSession {...props} session={session} info={listed ?? session.info} />
}

interface OpenSessionProps extends SessionPageProps {
  readonly session: Session
  readonly info: SessionInfo
}

function OpenSession(props: OpenSessionProps): JSX.Element {
  const { directory, session, info, observe, panel, onOpen } = props
  // A session that ends while one looks at it keeps its last screen.
  const [keepsScreen, setKeepsScreen] = useState(info.state !== 'ended')
  const { theme } = useTheme()
  const tokenSource = useMemo(() => tokensOf(session, observe ? 'observer' : 'driver'), [session, observe])
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    document.title = `${lineText(sessionTitle(info))} · Cliscale`
    return () => {
      document.title = 'Cliscale'
    }
  }, [info])

  const restart = async (): Promise<void> => {
    try {
      onOpen((await startAgain(directory, info)).id)
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error))
    }
  }

  return (
    <>
      <SessionHead
        info={info}
        session={session}
        observe={observe}
        panel={panel}
        onPlay={
          keepsScreen && info.state === 'ended' && hasRecording(info)
            ? () => setKeepsScreen(false)
            : undefined
        }
      />
      {problem !== undefined && (
        <div className="alert" role="alert">
          {problem}
        </div>
      )}
      {keepsScreen ? (
        <div className="session-stage">
          <CliscaleTerminal
            sessionId={session.id}
            tokenSource={tokenSource}
            terminalUrl={terminalAddress(session.id)}
            recorded={info.recording !== null}
            readOnly={observe}
            theme={theme}
            autoFocus
            label={`Terminal of ${lineText(sessionTitle(info))}`}
            onRestart={() => void restart()}
          />
        </div>
      ) : (
        <EndedPage directory={directory} info={info} onRestart={() => void restart()} />
      )}
    </>
  )
}

/** Tokens without the server's own address of the terminal, which knows nothing of a proxy's path. */
function tokensOf(session: Session, role: Role): TokenSource {
  return TokenSource.custom(async ({ signal }) => {
    const { token } = await session.createToken({ role, signal, maxRetryMs: 0 })
    return { token }
  })
}

type Recipe = Pick<SessionInfo, 'template' | 'command' | 'args' | 'metadata' | 'recording'>

/** The same again, as far as the template lets a client say so. */
async function startAgain(
  directory: Directory,
  { template, command, args, metadata, recording }: Recipe,
): Promise<Session> {
  const templates = await directory.client.templates.list()
  const allow = templates.find(({ name }) => name === template)?.allow ?? []
  return await directory.create({
    template,
    metadata,
    ...(allow.includes('command') ? { command } : {}),
    ...(allow.includes('args') ? { args } : {}),
    // One that was not recorded is not recorded again, whatever the template does by now.
    ...(allow.includes('recording') ? { recording: recording?.mode ?? 'off' } : {}),
  })
}

interface FoundSession {
  readonly session?: Session
  readonly error?: CliscaleError
}

function useSession(directory: Directory, id: string): FoundSession {
  const [found, setFound] = useState<FoundSession>(() => {
    const session = directory.session(id)
    return session === undefined ? {} : { session }
  })
  useEffect(() => {
    let wanted = true
    directory.find(id).then(
      (session) => {
        if (wanted) setFound({ session })
      },
      (error: unknown) => {
        if (!isCliscaleError(error)) throw error
        if (wanted) setFound({ error })
      },
    )
    return () => {
      wanted = false
    }
  }, [directory, id])
  return found
}

import { connectTerminal, type Session, TokenSource } from '@cliscale/sdk'
import type { CliscaleError } from '@cliscale/sdk/errors'
import type { Role } from '@cliscale/sdk/protocol'
import { useContext, useEffect, useMemo, useState } from 'react'
import { CliscaleContext } from '../context.ts'
import { NewestTokenSource } from '../core/newest-token-source.ts'
import { sourceMissing } from '../core/mount-errors.ts'
import type { TerminalTarget } from '../core/terminal-target.ts'

/** A session object of the SDK: for apps whose page holds the client. */
export interface SessionObjectSource {
  /** `null` or `undefined` while there is none yet: the terminal then shows that one is being started. */
  readonly session: Session | null | undefined
  /** What the terminal asks for. Default `driver`; `observer` with `readOnly`. */
  readonly role?: Role
  readonly sessionId?: never
  readonly tokenSource?: never
  readonly terminalUrl?: never
}

/** A session's id: its tokens come from the provider's client or token source, unless `tokenSource` is given. */
export interface SessionIdSource {
  readonly sessionId: string | null | undefined
  /** As for `session`; a token source decides by itself. */
  readonly role?: Role
  readonly tokenSource?: TokenSource
  readonly terminalUrl?: string
  readonly session?: never
}

/** A token source alone: the page knows nothing but where to ask for a token. It is asked anew for every connection. */
export interface TokenOnlySource {
  readonly tokenSource: TokenSource | null | undefined
  /** ws: or wss: address; not needed when the token source answers with one. Another address is another terminal. */
  readonly terminalUrl?: string
  readonly session?: never
  readonly sessionId?: never
  readonly role?: never
}

/** Where a terminal's session comes from. */
export type TerminalSourceProps = SessionObjectSource | SessionIdSource | TokenOnlySource

/** What the terminal connects to; `undefined` while there is nothing yet. */
export function useTerminalTarget(
  props: TerminalSourceProps & { readonly readOnly?: boolean },
): TerminalTarget | undefined {
  const { terminalUrl } = props
  const session = props.session ?? null
  const sessionId = props.sessionId ?? null
  const role = props.role ?? (props.readOnly === true ? 'observer' : 'driver')
  const context = useContext(CliscaleContext)
  const client = context?.client ?? null
  const source = useStableSource(
    props.tokenSource ?? (sessionId === null ? null : (context?.tokenSource?.(sessionId) ?? null)),
  )
  return useMemo(() => {
    if (session !== null) {
      return { key: ['session', session, role], open: (size) => session.connect({ ...size, role }) }
    }
    if (source !== null) {
      return {
        key: ['tokens', sessionId, terminalUrl],
        open: (size) => connectTerminal({ ...size, tokenSource: source, url: terminalUrl }),
      }
    }
    if (sessionId === null || client === null) return undefined
    return {
      key: ['id', client, sessionId, role],
      open: (size) =>
        connectTerminal({
          ...size,
          tokenSource: TokenSource.custom(({ signal }) =>
            // The terminal itself tries again, and tells why it must.
            client.sessions.createToken(sessionId, { role, signal, maxRetryMs: 0 }),
          ),
        }),
    }
  }, [session, sessionId, terminalUrl, role, client, source])
}

/** Why there can never be a terminal, however long one waits; `undefined` while there may be. */
export function useSourceProblem(props: TerminalSourceProps): CliscaleError | undefined {
  const context = useContext(CliscaleContext)
  const { sessionId = null, session, tokenSource } = props
  const isNamed = 'session' in props || 'sessionId' in props || 'tokenSource' in props
  const isKnown = (session ?? tokenSource ?? context?.client ?? context?.tokenSource) != null
  const problem = !isNamed
    ? 'The terminal was not told what to show: give it `session`, `sessionId` or `tokenSource`.'
    : sessionId !== null && !isKnown
      ? '`sessionId` needs a `tokenSource`, or a <CliscaleProvider> with a `client`, `baseUrl` or `tokenSource`.'
      : undefined
  return useMemo(() => (problem === undefined ? undefined : sourceMissing(problem)), [problem])
}

/** The same source at every render, which asks the newest one. */
function useStableSource(source: TokenSource | null): TokenSource | null {
  const [stable] = useState(() => new NewestTokenSource())
  useEffect(() => stable.set(source))
  return source === null ? null : stable
}

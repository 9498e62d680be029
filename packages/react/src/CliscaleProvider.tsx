import { Cliscale, type CliscaleOptions } from '@cliscale/sdk'
import { type JSX, type ReactNode, useMemo, useState } from 'react'
import { CliscaleContext, type SessionTokenSource, TerminalRegistry } from './context.ts'

/** Props of {@link CliscaleProvider}: a client, or how to make one, or where tokens come from. */
export type CliscaleProviderProps = {
  readonly children?: ReactNode
  /** Makes the token source of a session that a `<CliscaleTerminal sessionId>` below names: for pages without a client. */
  readonly tokenSource?: SessionTokenSource
} & (
  | {
      /** A client that the app made. */
      readonly client?: Cliscale
      readonly baseUrl?: never
      readonly options?: never
    }
  | {
      /** Address of the server, or of your own server's path that passes `/v1` on. Another address makes a new client. */
      readonly baseUrl: string
      /** More options of the client, read once: `headers`, `credentials`, … Never an API key in a browser. */
      readonly options?: Omit<CliscaleOptions, 'baseUrl' | 'apiKey'>
      readonly client?: never
    }
)

/** Gives the components and hooks below it their client and token source, and lets them find each other's terminals. */
export function CliscaleProvider(props: CliscaleProviderProps): JSX.Element {
  const { children, client, baseUrl } = props
  const [options] = useState(props.options)
  const [registry] = useState(() => new TerminalRegistry())
  const made = useMemo(
    () =>
      client ??
      (baseUrl === undefined || isElsewhere(baseUrl) ? null : new Cliscale({ ...options, baseUrl })),
    [client, baseUrl, options],
  )
  const tokenSource = props.tokenSource ?? null
  const value = useMemo(() => ({ client: made, tokenSource, registry }), [made, tokenSource, registry])
  return <CliscaleContext.Provider value={value}>{children}</CliscaleContext.Provider>
}

/** A relative address means nothing where the page is only rendered; the browser makes the client. */
function isElsewhere(baseUrl: string): boolean {
  return typeof document === 'undefined' && !URL.canParse(baseUrl)
}

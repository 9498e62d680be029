import { bounded } from './deadline.ts'
import { createError } from './create-error.ts'
import { type CliscaleError, isCliscaleError } from './errors.ts'
import { isObject } from './protocol/json.ts'

/** What a token source yields. The server's `terminal` object of a create answer is one. */
export interface TerminalToken {
  /** One-time session token. */
  readonly token: string
  /** ws: or wss: address of the terminal. May be left out when the terminal was given its `url`. */
  readonly url?: string | undefined
}

/** What a token source is told. */
export interface TokenRequest {
  /** Aborts when the terminal is closed or the time for the token is over. */
  readonly signal: AbortSignal
  /** Why the last token was refused, when it was. */
  readonly refused: CliscaleError | undefined
}

/**
 * Where a terminal gets its one-time token. It is asked anew for every connection, one question at a time per
 * terminal; what it answers is kept nowhere. Only a token with which no connection could be opened is used for the next
 * attempt, within 20 s.
 */
export interface TokenSource {
  /** Gets a token for one connection; throws when there is none. */
  getToken(request: TokenRequest): Promise<TerminalToken>
}

/** Options of {@link TokenSource.endpoint}: what `fetch` takes. */
export interface TokenEndpointOptions {
  /** Default `POST`. */
  readonly method?: string
  /** Request headers, or a function that makes them for every request. */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
  /** Sent as JSON. */
  readonly body?: unknown
  /** Whether cookies go along. Default `same-origin`. */
  readonly credentials?: 'omit' | 'same-origin' | 'include'
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch
}

interface TokenSources {
  /**
   * Asks your own server, which decides who may open which session. It answers 200 with JSON
   * `{"token": "…", "url": "wss://…"}`: what `session.createToken()` returned to it. A 4xx answer is final.
   */
  endpoint(url: string | URL, options?: TokenEndpointOptions): TokenSource
  /** Calls `getToken`; a bare string is a token. Throw to say no; it is asked again unless the error says `retryable: false`. */
  custom(
    getToken: (request: TokenRequest) => Promise<TerminalToken | string> | TerminalToken | string,
  ): TokenSource
  /** One token, good for one connection: fine for scripts and tests, without reconnects. */
  literal(token: TerminalToken | string): TokenSource
}

/** Makes token sources. */
export const TokenSource: TokenSources = {
  endpoint: (url, options = {}) => ({
    getToken: async ({ signal }) => readAnswer(await ask(url, options, signal)),
  }),
  custom: (getToken) => ({ getToken: async (request) => toTerminalToken(await getToken(request)) }),
  literal: (token) => {
    const value = toTerminalToken(token)
    return {
      async getToken({ refused }) {
        if (refused !== undefined)
          throw createError('TOKEN_SOURCE_FAILED', ONCE, { retryable: false, cause: refused })
        return value
      },
    }
  },
}

const ONCE = 'A literal token is good for one connection; use TokenSource.custom or .endpoint to reconnect.'

/**
 * Asks `source` within `timeoutMs`.
 *
 * @throws {CliscaleError} the source's own, or `TOKEN_SOURCE_FAILED`
 */
export async function askToken(
  source: TokenSource,
  request: TokenRequest,
  timeoutMs: number,
): Promise<TerminalToken> {
  const onTimeout = (): CliscaleError =>
    createError('TOKEN_SOURCE_FAILED', `The token source did not answer within ${timeoutMs} ms.`)
  try {
    const answer = await bounded({ signals: [request.signal], timeoutMs, onTimeout }, (signal) =>
      source.getToken({ ...request, signal }),
    )
    return toTerminalToken(answer)
  } catch (error) {
    if (isCliscaleError(error)) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw createError('TOKEN_SOURCE_FAILED', `The token source failed: ${reason}`, { cause: error })
  }
}

async function ask(url: string | URL, options: TokenEndpointOptions, signal: AbortSignal): Promise<Response> {
  const { headers, body, method = 'POST', credentials = 'same-origin', fetch = globalThis.fetch } = options
  return await fetch(url, {
    method,
    credentials,
    signal,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(typeof headers === 'function' ? headers() : headers),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
}

async function readAnswer(response: Response): Promise<TerminalToken> {
  if (response.ok) return toTerminalToken(await response.json())
  await response.body?.cancel()
  const final = response.status >= 400 && response.status < 500 && response.status !== 429
  const { status } = response
  throw createError('TOKEN_SOURCE_FAILED', `The token endpoint answered ${status}.`, {
    status,
    retryable: !final,
  })
}

function toTerminalToken(value: unknown): TerminalToken {
  if (typeof value === 'string' && value !== '') return { token: value }
  if (isObject(value) && typeof value.token === 'string' && value.token !== '') {
    return { token: value.token, ...(typeof value.url === 'string' ? { url: value.url } : {}) }
  }
  throw createError('TOKEN_SOURCE_FAILED', 'The token source answered without a token.', { retryable: false })
}

import { bounded } from './deadline.ts'
import { createAnyError, createError, isRetryableStatus } from './create-error.ts'
import { type CliscaleError, isCliscaleError } from './errors.ts'
import { retryAfterOf } from './http/error-body.ts'
import { isWebPage, readShort, wordsOf } from './http/foreign-answer.ts'
import { watchPolicy } from './http/page-policy.ts'
import { explainUnreachable } from './http/unreachable.ts'
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
    getToken: async ({ signal }) => readAnswer(url, await ask(url, options, signal)),
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
  const init = {
    method,
    credentials,
    signal,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(typeof headers === 'function' ? headers() : headers),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
  watchPolicy()
  try {
    return await fetch(url, init)
  } catch (cause) {
    if (signal.aborted) throw cause
    const { code, message, retryable } = await explainUnreachable({ address: String(url), cause })
    const ours = code === 'CONNECTION_FAILED' ? 'TOKEN_SOURCE_FAILED' : code
    throw createAnyError(ours, `The token endpoint: ${message}`, { status: 0, retryable, cause })
  }
}

async function readAnswer(url: string | URL, response: Response): Promise<TerminalToken> {
  const { status } = response
  const text = await readShort(response)
  if (response.ok) return toTerminalToken(parseToken(url, text))
  const said = wordsOf(text) ?? 'it does not say why'
  const hint = HINTS[status]
  throw createError('TOKEN_SOURCE_FAILED', `The token endpoint ${String(url)} answered ${status}: ${said}`, {
    status,
    retryable: isRetryableStatus(status),
    retryAfterMs: retryAfterOf(response.headers),
    ...(hint === undefined ? {} : { hint }),
  })
}

/** What most often is behind a status of an app's own endpoint. */
const HINTS: Readonly<Record<number, string>> = {
  401: 'Sign in again; if you are signed in, see that the request carries what the endpoint asks for.',
  403: 'The endpoint does not let this user open the terminal; some also refuse requests without their CSRF token.',
  404: 'See that the page asks the address that the endpoint has.',
  405: 'See that the endpoint takes the method, POST unless you chose another.',
}

function parseToken(url: string | URL, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const what = isWebPage(text) ? 'a web page' : 'something that is not JSON'
    const message = `The token endpoint ${String(url)} answered with ${what} instead of {"token": …}; see that its address is right and that it asks for no sign-in.`
    throw createError('TOKEN_SOURCE_FAILED', message, { cause, retryable: false })
  }
}

function toTerminalToken(value: unknown): TerminalToken {
  if (typeof value === 'string' && value !== '') return { token: value }
  if (isObject(value) && typeof value.token === 'string' && value.token !== '') {
    return { token: value.token, ...(typeof value.url === 'string' ? { url: value.url } : {}) }
  }
  const message = 'The token source answered without a token: answer {"token": "…", "url": "wss://…"}.'
  throw createError('TOKEN_SOURCE_FAILED', message, { retryable: false })
}

import { Connection, type ConnectionEnd } from '../connection.ts'
import { createError } from '../create-error.ts'
import { deferred, type Deferred } from '../deadline.ts'
import { policyAgainst } from '../http/page-policy.ts'
import { isPage } from '../page.ts'
import { AuthError, type CliscaleError, isCliscaleError } from '../errors.ts'
import { SLOW_MS } from './limits.ts'
import { parseUrl } from '../parse-url.ts'
import type { ServerMessage } from '../protocol/index.ts'
import type { ReconnectPolicy } from '../reconnect-policy.ts'
import { askToken, type TerminalToken, type TokenSource } from '../token-source.ts'

/** Refused tokens in a row after which the terminal fails: the source is wrong, not late. */
const MAX_REFUSED_TOKENS = 3

/**
 * A token with which nothing could be opened is good for the next attempt, for so long: a gateway that is away must not
 * become a storm of tokens for the controller.
 */
const UNSPENT_MS = 20_000

interface HeldToken {
  readonly token: TerminalToken
  readonly askedAt: number
}

/** How a link connects. */
export interface LinkOptions {
  /** Used when the token source names none. */
  readonly url: string | undefined
  readonly tokenSource: TokenSource
  readonly policy: ReconnectPolicy
  readonly tokenTimeoutMs: number
  readonly handshakeTimeoutMs: number
  /** Time for which a connection must hold until the policy counts attempts from 0 again. */
  readonly stableMs: number
}

/** What a link tells. */
export interface LinkHost {
  /** A connection is being opened. */
  connecting(): void
  /** It is open; the hello is due. */
  opened(connection: Connection): void
  message(message: ServerMessage): void
  /** It is gone. */
  lost(): void
  /** The next attempt comes after a pause. */
  waiting(attempt: number, delayMs: number, error: CliscaleError): void
  /** There will be no next attempt. */
  failed(error: CliscaleError): void
  /** Nothing has come for a while; the attempt goes on. */
  slow(error: CliscaleError): void
}

/**
 * Keeps a terminal connected: token, socket, wait for its end, pause, again. One attempt at a time, so a one-time
 * token is never asked for twice at once.
 */
export class Link {
  readonly #options: LinkOptions
  readonly #host: LinkHost
  readonly #stop = new AbortController()
  #connection: Connection | undefined
  #nap: Deferred<void> | undefined
  #readyAt: number | undefined
  #lostAt = performance.now()
  #everConnected = false
  #attempt = 0
  #refused: CliscaleError | undefined
  #refusals = 0
  #unspent: HeldToken | undefined
  #slow: ReturnType<typeof setTimeout> | undefined

  constructor(options: LinkOptions, host: LinkHost) {
    this.#options = options
    this.#host = host
  }

  /** Connects, and again, until `stop`, `finish` or a failure. */
  async run(): Promise<void> {
    // In the next turn: who closes at once (React's double mount) spends no token.
    await Promise.resolve()
    while (!this.#stop.signal.aborted) {
      const end = await this.#connect()
      if (this.#stop.signal.aborted) return
      this.#host.lost()
      const delayMs = this.#delayAfter(end)
      if (delayMs === null) return this.#host.failed(end.error)
      this.#host.waiting(this.#attempt, delayMs, end.error)
      await this.#pause(delayMs)
      this.#attempt += 1
    }
  }

  /** The terminal is ready on the present connection. */
  ready(): void {
    this.#readyAt = performance.now()
    this.#everConnected = true
    this.#refused = undefined
    this.#refusals = 0
  }

  /** Tries again now, if it waits. */
  wake(): void {
    this.#nap?.resolve()
  }

  /** Gives the present connection up and goes on with a new one. */
  drop(error: CliscaleError): void {
    this.#connection?.drop(error, error.retryable)
  }

  /** Ends it. Resolves when the socket is closed. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#nap?.resolve()
    await this.#connection?.close()
  }

  async #connect(): Promise<ConnectionEnd> {
    this.#readyAt = undefined
    this.#host.connecting()
    this.#expectFrom('The token source')
    try {
      const held = await this.#token()
      if (this.#stop.signal.aborted) throw createError('CLOSED')
      const end = await this.#open(held.token.url ?? this.#options.url, held.token.token)
      if (!end.opened && end.error.code === 'CONNECTION_FAILED') this.#unspent = held
      return end
    } catch (error) {
      if (!isCliscaleError(error)) throw error
      return { error, retry: error.retryable }
    } finally {
      this.#connection = undefined
      clearTimeout(this.#slow)
    }
  }

  /** Until something comes from `whom`, which is told if it does not. */
  #expectFrom(whom: string): void {
    clearTimeout(this.#slow)
    const message = `${whom} has not answered for ${SLOW_MS / 1_000} seconds; still waiting.`
    this.#slow = setTimeout(() => this.#host.slow(createError('REQUEST_TIMEOUT', message)), SLOW_MS)
  }

  async #token(): Promise<HeldToken> {
    const held = this.#unspent
    this.#unspent = undefined
    if (held !== undefined && performance.now() - held.askedAt < UNSPENT_MS) return held
    const { tokenSource, tokenTimeoutMs } = this.#options
    const askedAt = performance.now()
    const request = { signal: this.#stop.signal, refused: this.#refused }
    return { token: await askToken(tokenSource, request, tokenTimeoutMs), askedAt }
  }

  async #open(url: string | undefined, token: string): Promise<ConnectionEnd & { opened: boolean }> {
    if (url === undefined) {
      const message = 'There is no terminal address: give `url`, or let the token source answer with one.'
      throw createError('TOKEN_SOURCE_FAILED', message, { retryable: false })
    }
    const { handshakeTimeoutMs } = this.#options
    this.#expectFrom(`The server at ${hostOf(url)}`)
    let opened = false
    try {
      const connection: Connection = new Connection({
        url,
        token,
        handshakeTimeoutMs,
        onOpen: () => {
          opened = true
          this.#host.opened(connection)
        },
        onMessage: (message) => {
          clearTimeout(this.#slow)
          this.#host.message(message)
        },
        explain: !this.#everConnected,
      })
      this.#connection = connection
      return { ...(await connection.ended), opened }
    } catch (cause) {
      if (isCliscaleError(cause)) throw cause
      // A browser throws for what it will never open: an address that is none, or an insecure one on a secure page.
      const address = isPage() ? parseUrl(url) : undefined
      const policy = address === undefined ? undefined : await policyAgainst(address)
      if (policy !== undefined) throw createError('BLOCKED_BY_POLICY', policy, { cause })
      const message = `The terminal address ${JSON.stringify(url)} cannot be opened; it must begin with ws:// or wss://.`
      throw createError('CONNECTION_FAILED', message, { cause, retryable: false })
    }
  }

  #delayAfter({ error, retry }: ConnectionEnd): number | null {
    const now = performance.now()
    if (this.#readyAt !== undefined) {
      this.#lostAt = now
      if (now - this.#readyAt >= this.#options.stableMs) this.#attempt = 0
    }
    if (!retry || this.#isRefusedTooOften(error)) return null
    return this.#options.policy.nextDelayMs({
      attempt: this.#attempt,
      elapsedMs: now - this.#lostAt,
      everConnected: this.#everConnected,
      error,
      retryAfterMs: error.retryAfterMs,
    })
  }

  #isRefusedTooOften(error: CliscaleError): boolean {
    if (!(error instanceof AuthError) || error.code === 'TOKEN_SOURCE_FAILED') return false
    this.#refused = error
    this.#refusals += 1
    return this.#refusals >= MAX_REFUSED_TOKENS
  }

  async #pause(delayMs: number): Promise<void> {
    this.#nap = deferred()
    const timer = setTimeout(this.#nap.resolve, delayMs)
    await this.#nap.promise
    clearTimeout(timer)
    this.#nap = undefined
  }
}

function hostOf(url: string): string {
  return parseUrl(url)?.host ?? url
}

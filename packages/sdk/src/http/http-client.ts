import { fullJitter } from '../backoff.ts'
import { toBaseUrl } from '../base-url.ts'
import { createError } from '../create-error.ts'
import { bounded, type Bounds, pause } from '../deadline.ts'
import { type CliscaleError, isCliscaleError, LimitError } from '../errors.ts'
import type { CallOptions, CliscaleOptions } from '../options.ts'
import { ServerClock } from '../server-clock.ts'
import { type Download, guardedBody, JoinedSignals } from './download.ts'
import { errorFromBody, retryAfterOf } from './error-body.ts'
import { isWebPage } from './foreign-answer.ts'
import { watchPolicy } from './page-policy.ts'
import { explainUnreachable } from './unreachable.ts'

/** Answers larger than this are not ours. */
const MAX_ANSWER_BYTES = 16_777_216

const RETRY = { baseMs: 250, capMs: 5_000 } as const

/** One request. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** From `/v1` on, without a query. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  /** Sent as JSON. */
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * JSON over `fetch`, with typed errors. What failed for now is repeated with full jitter until `maxRetryMs` is over;
 * a pause that the server asks for is kept, or, if it is longer than the time that is left, the error comes at once.
 */
export class HttpClient {
  readonly #base: string
  readonly #options: CliscaleOptions
  readonly #fetch: typeof globalThis.fetch
  /** By this client's answers. */
  readonly clock: ServerClock = new ServerClock()

  constructor(options: CliscaleOptions) {
    this.#base = toBaseUrl(options)
    this.#options = options
    watchPolicy()
    // Called without a receiver: browsers refuse `fetch` as a method of another object.
    const { fetch = (...args) => globalThis.fetch(...args) } = options
    this.#fetch = fetch
  }

  /** The client's own signal. */
  get signal(): AbortSignal | undefined {
    return this.#options.signal
  }

  /**
   * Makes a request and reads its JSON answer.
   *
   * @throws {CliscaleError}
   */
  async request(request: HttpRequest, call: CallOptions = {}): Promise<unknown> {
    return await this.#retry(call, () => this.#once(request, call))
  }

  /**
   * Makes a request and hands out its answer when it begins: `requestTimeoutMs` is the time until then. The signals go
   * on to end the body.
   *
   * @throws {CliscaleError}
   */
  async download(request: HttpRequest, call: CallOptions = {}): Promise<Download> {
    return await this.#retry(call, () => this.#begin(request, call))
  }

  /**
   * Makes a request and hands out its answer as a stream of bytes. The stream ends with `signal`.
   *
   * @throws {CliscaleError}
   */
  async stream(request: HttpRequest, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#guard(() => this.#send(request, signal))
    if (!response.ok) throw await this.#refusal(response)
    if (response.body === null) throw createError('INVALID_RESPONSE', 'The server answered without a body.')
    return response.body
  }

  async #retry<T>(call: CallOptions, work: () => Promise<T>): Promise<T> {
    const { maxRetryMs = this.#options.maxRetryMs ?? 30_000 } = call
    const until = performance.now() + maxRetryMs
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work()
      } catch (error) {
        if (!isCliscaleError(error)) throw error
        const delayMs = retryDelay(error, attempt)
        if (delayMs === null || performance.now() + delayMs > until) throw error
        await this.#pause(delayMs, call.signal)
      }
    }
  }

  #bounds(call: CallOptions): Bounds {
    const { requestTimeoutMs = this.#options.requestTimeoutMs ?? 30_000 } = call
    return {
      signals: [call.signal, this.#options.signal],
      timeoutMs: requestTimeoutMs,
      onTimeout: () =>
        createError('REQUEST_TIMEOUT', `The server did not answer within ${requestTimeoutMs} ms.`),
    }
  }

  async #begin(request: HttpRequest, call: CallOptions): Promise<Download> {
    const signals = new JoinedSignals([call.signal, this.#options.signal])
    try {
      const response = await bounded(this.#bounds(call), async (timed) => {
        const begun = new JoinedSignals([timed, signals.signal])
        const answer = await this.#guard(() => this.#send(request, begun.signal))
        if (!answer.ok) throw await this.#refusal(answer)
        return answer
      })
      if (response.body === null) throw createError('INVALID_RESPONSE', 'The server answered without a body.')
      return { headers: response.headers, body: guardedBody(response.body, signals) }
    } catch (error) {
      signals.release()
      throw error
    }
  }

  async #once(request: HttpRequest, call: CallOptions): Promise<unknown> {
    return await bounded(this.#bounds(call), async (signal) => {
      const response = await this.#guard(() => this.#send(request, signal))
      if (!response.ok) throw await this.#refusal(response)
      if (response.status === 204) return undefined
      return parseAnswer(await this.#guard(() => readBounded(response)))
    })
  }

  async #send({ method, path, query, body, headers }: HttpRequest, signal: AbortSignal): Promise<Response> {
    const { apiKey, credentials, headers: own } = this.#options
    const response = await this.#fetch(this.#base + path + queryString(query), {
      method,
      signal,
      // An answer from a cache would be an old state; a redirect would carry the key to another host.
      cache: 'no-store',
      redirect: 'error',
      ...(credentials === undefined ? {} : { credentials }),
      headers: {
        accept: 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(typeof own === 'function' ? await own() : own),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    this.clock.learn(response.headers.get('date'))
    return response
  }

  async #refusal(response: Response): Promise<CliscaleError> {
    return errorFromBody({
      status: response.status,
      text: await readBounded(response),
      retryAfterMs: retryAfterOf(response.headers),
      requestId: response.headers.get('x-request-id') ?? undefined,
    })
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (isCliscaleError(error)) throw error
      throw await explainUnreachable({ address: this.#base, cause: error, api: true })
    }
  }

  async #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    await bounded({ signals: [signal, this.#options.signal] }, (ended) => pause(delayMs, ended))
  }
}

function retryDelay(error: CliscaleError, attempt: number): number | null {
  if (!error.retryable) return null
  if (error.retryAfterMs !== undefined) return error.retryAfterMs + fullJitter(0, RETRY)
  // A limit without a time is not over in a moment; the caller decides.
  return error instanceof LimitError ? null : fullJitter(attempt, RETRY)
}

function queryString(query: Readonly<Record<string, string | undefined>> = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  )
  return parts.length === 0 ? '' : `?${parts.join('&')}`
}

async function readBounded(response: Response): Promise<string> {
  if (Number(response.headers.get('content-length') ?? 0) > MAX_ANSWER_BYTES) {
    await response.body?.cancel()
    throw createError('INVALID_RESPONSE', 'The answer of the server is too large.')
  }
  return await response.text()
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const what = isWebPage(text) ? 'with a web page' : 'something that is not JSON'
    const message = `The server answered ${what}; is baseUrl the address of a Cliscale server?`
    throw createError('INVALID_RESPONSE', message, { cause: error })
  }
}

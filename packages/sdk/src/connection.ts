import { createAnyError, createError } from './create-error.ts'
import { deferred } from './deadline.ts'
import { type CliscaleError, isCliscaleError } from './errors.ts'
import { errorFromBody, retryAfterOf } from './http/error-body.ts'
import { explainByCause, explainUnreachable } from './http/unreachable.ts'
import {
  CLISCALE_SUBPROTOCOL,
  CLOSE_CODES,
  type ClientMessage,
  type CloseCode,
  decodeServerMessage,
  encodeClientMessage,
  type ErrorCode,
  errorRow,
  isErrorCode,
  isRetryableClose,
  MalformedMessage,
  type ServerMessage,
  type TerminalError,
} from './protocol/index.ts'
import { messageBytes, openSocket, type Socket, type UpgradeResponse } from './terminal/socket.ts'

/** How a connection ended. */
export interface ConnectionEnd {
  readonly error: CliscaleError
  /** Whether connecting again can help, by the tables of errors and close codes. */
  readonly retry: boolean
}

/** What a connection needs. */
export interface ConnectionOptions {
  readonly url: string
  readonly token: string
  /** Milliseconds until the first message of the server. */
  readonly handshakeTimeoutMs: number
  /** Finds out why the socket did not open, which costs a browser requests. */
  readonly explain: boolean
  /** The socket is open; the hello goes out first. */
  onOpen(): void
  onMessage(message: ServerMessage): void
}

/** How long the other side may take to answer a close. */
const CLOSE_TIMEOUT_MS = 1_000

/** Bytes of a refused upgrade's answer that are read. */
const MAX_REFUSAL_BYTES = 16_384

/** One WebSocket from its opening to its end. It knows messages, not terminals, and never connects again. */
export class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #ended = deferred<ConnectionEnd>()
  readonly #closed = deferred<void>()
  #isOpen = false
  #isOver = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #refusal: TerminalError | undefined
  #fault: unknown

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#socket = openSocket(options.url, options.token)
    this.#timer = setTimeout(() => this.#silent(), options.handshakeTimeoutMs)
    this.#socket.addEventListener('open', () => this.#opened())
    this.#socket.addEventListener('message', ({ data }) => this.#received(data))
    this.#socket.addEventListener('close', ({ code }) => this.#lost(code))
    this.#socket.addEventListener('error', (event) => {
      this.#fault ??= event.error ?? event.message
    })
    this.#socket.on?.('unexpected-response', (_request, response) => void this.#refused(response))
  }

  /** Resolves when the connection is over. */
  get ended(): Promise<ConnectionEnd> {
    return this.#ended.promise
  }

  /** Sends a message. */
  send(message: ClientMessage): void {
    if (!this.#isOver) this.#socket.send(encodeClientMessage(message))
  }

  /** Ends it politely. Resolves when the socket is closed, after at most a second. */
  async close(): Promise<void> {
    this.#end(createError('CLOSED'), false)
    const timer = setTimeout(() => this.#abandon(), CLOSE_TIMEOUT_MS)
    this.#socket.close(1000)
    await this.#closed.promise
    clearTimeout(timer)
  }

  /** Ends it without waiting for the other side. */
  drop(error: CliscaleError, retry: boolean): void {
    this.#end(error, retry)
    this.#abandon()
  }

  #opened(): void {
    this.#isOpen = true
    if (this.#socket.protocol === CLISCALE_SUBPROTOCOL) this.#options.onOpen()
    else
      this.drop(
        createError('INVALID_RESPONSE', `The server did not agree on ${CLISCALE_SUBPROTOCOL}.`),
        false,
      )
  }

  #received(data: unknown): void {
    if (this.#isOver) return
    clearTimeout(this.#timer)
    try {
      const payload = messageBytes(data)
      if (payload === undefined) throw new MalformedMessage('the message is text')
      const message = decodeServerMessage(payload)
      if (message.type === 'error') this.#refusal = message.error
      else this.#options.onMessage(message)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (isCliscaleError(error)) return this.drop(error, false)
    if (!(error instanceof MalformedMessage)) throw error
    const message = `The server sent something that is not of the protocol: ${error.message}.`
    this.drop(createError('INVALID_RESPONSE', message, { cause: error }), false)
  }

  #silent(): void {
    const message = `The server did not answer within ${this.#options.handshakeTimeoutMs} ms.`
    this.drop(createError('CONNECTION_FAILED', message), true)
  }

  async #refused(response: UpgradeResponse): Promise<void> {
    const status = response.statusCode ?? 0
    const error = errorFromBody({
      status,
      text: await readText(response, MAX_REFUSAL_BYTES),
      retryAfterMs: retryAfterOf({ get: (name) => response.headers[name]?.toString() ?? null }),
      requestId: undefined,
    })
    this.drop(error, error.retryable)
  }

  #lost(code: number): void {
    this.#closed.resolve()
    const refusal = this.#refusal
    if (refusal === undefined && !this.#isOpen) return void this.#neverOpened()
    if (refusal === undefined) return this.#end(this.#closeError(code), isRetryableClose(code))
    // A close may be lost behind its error; then the table says with which code it would have come.
    const close = code === 1006 && isErrorCode(refusal.code) ? errorRow(refusal.code).close : code
    const { message, retryable, retryAfterMs, requestId } = refusal
    const error = createAnyError(refusal.code, message, { status: 0, retryable, retryAfterMs, requestId })
    this.#end(error, retryable && isRetryableClose(close))
  }

  #closeError(code: number): CliscaleError {
    const fields = { retryable: isRetryableClose(code), cause: this.#fault }
    if (!isKnownClose(code))
      return createError('CONNECTION_LOST', `The connection was closed with code ${code}.`, fields)
    return createError(CODE_OF_CLOSE[code], CLOSE_CODES[code].meaning, fields)
  }

  async #neverOpened(): Promise<void> {
    const { url, explain } = this.#options
    const cause = this.#fault ?? 'The terminal socket could not be opened.'
    const find = explain ? explainUnreachable : explainByCause
    const error = await find({ address: withoutQuery(url), cause })
    this.#end(error, error.retryable)
  }

  #end(error: CliscaleError, retry: boolean): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#ended.resolve({ error, retry })
  }

  #abandon(): void {
    if (this.#socket.terminate === undefined) this.#socket.close()
    else this.#socket.terminate()
    this.#closed.resolve()
  }
}

/** An address for messages. */
function withoutQuery(url: string): string {
  return url.replace(/[?#].*$/, '')
}

/** The error of a close that no error message explained. */
const CODE_OF_CLOSE = {
  1000: 'CONNECTION_LOST',
  1001: 'CONNECTION_LOST',
  1006: 'CONNECTION_LOST',
  1009: 'FRAME_TOO_LARGE',
  1011: 'INTERNAL',
  1012: 'DRAINING',
  1013: 'OVERLOADED',
  4400: 'MALFORMED_FRAME',
  4401: 'TOKEN_INVALID',
  4403: 'FORBIDDEN',
  4404: 'SESSION_NOT_FOUND',
  4408: 'HANDSHAKE_TIMEOUT',
  4409: 'TAKEN_OVER',
  4410: 'SESSION_ENDED',
  4429: 'RATE_LIMITED',
  4500: 'START_FAILED',
} as const satisfies Record<CloseCode, ErrorCode>

function isKnownClose(code: number): code is CloseCode {
  return Object.hasOwn(CLOSE_CODES, code)
}

async function readText(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      bytes += chunk.length
      if (bytes > maxBytes) return ''
      text += decoder.decode(chunk, { stream: true })
    }
  } catch {
    return '' // The refusal stands without its body.
  }
  return text + decoder.decode()
}

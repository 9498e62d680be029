import { randomUUID } from 'node:crypto'
import { once } from 'node:events'

import {
  CLISCALE_SUBPROTOCOL,
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  PROTOCOL_VERSION,
  type ReadyMessage,
  type Role,
  ROLE_HEADER,
  RUNNER_PATHS,
  type ServerMessage,
  type SessionExit,
  type TerminalSubprotocol,
  TTY_SUBPROTOCOL,
} from '@cliscale/sdk/protocol'
import { WebSocket } from 'ws'

import { waitFor } from './wait-for.ts'

/** How a test attaches. Everything has a default. */
export interface RawTerminalOptions {
  readonly protocol?: TerminalSubprotocol
  readonly role?: Role
  readonly client?: string
  readonly resume?: { readonly epoch: string; readonly offset: number }
  readonly input?: number
  readonly columns?: number
  readonly rows?: number
  /** False: credit is sent only by `credit()`. */
  readonly autoCredit?: boolean
  /** False: nothing is said until `say()`. */
  readonly hello?: boolean
  /** Called with every piece of output instead of keeping it. */
  readonly onOutput?: (data: Uint8Array) => void
  /** Sent first, in addition to the runner's own headers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Where a runner's terminal is. */
export interface TerminalPlace {
  readonly socketPath: string
  readonly headers: Readonly<Record<string, string>>
}

/** A client that knows the messages and nothing else: it decides nothing and hides nothing. */
export class RawTerminal {
  readonly socket: WebSocket
  readonly client: string
  /** All messages but output, snapshot and heartbeat, in order. */
  readonly messages: ServerMessage[] = []
  /** Offset after the last output byte that came. */
  offset = 0
  /** Output that came, in order. */
  readonly chunks: Uint8Array[] = []
  /** Bytes of the last snapshot. */
  snapshot: Uint8Array[] = []
  /** Opcodes in order, to check what came before what. */
  opcodes = ''
  /** Pieces in which the bytes came from the connection, whatever messages are in them. */
  reads = 0
  closed: { readonly code: number; readonly reason: string } | undefined
  readonly #options: RawTerminalOptions
  #credited = 0
  #helloSent = false

  constructor(place: TerminalPlace, options: RawTerminalOptions) {
    this.#options = options
    this.client = options.client ?? randomUUID()
    this.socket = new WebSocket(`ws+unix:${place.socketPath}:${RUNNER_PATHS.terminal}`, this.protocol, {
      headers: { ...place.headers, [ROLE_HEADER]: options.role ?? 'driver', ...options.headers },
      perMessageDeflate: false,
    })
    this.socket.on('upgrade', ({ socket }) => {
      // A listener before the WebSocket's own would take what came together with the 101.
      this.socket.once('open', () => socket.on('data', () => (this.reads += 1)))
    })
    this.socket.on('open', () => options.hello !== false && this.say())
    this.socket.on('message', (data: Buffer) => this.#onMessage(data))
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }))
    this.socket.on('error', () => {})
  }

  /** The subprotocol that was offered. */
  get protocol(): TerminalSubprotocol {
    return this.#options.protocol ?? CLISCALE_SUBPROTOCOL
  }

  /** Output as text. */
  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8')
  }

  /** The last `R`. */
  get ready(): ReadyMessage | undefined {
    return this.messages.findLast((message) => message.type === 'ready')
  }

  /** The `X`. */
  get exit(): SessionExit | undefined {
    const message = this.messages.find((message) => message.type === 'exit')
    return message?.exit
  }

  /** Resolves when the socket is open; fails when it was refused. */
  async opened(): Promise<void> {
    if (this.socket.readyState === WebSocket.CONNECTING) await once(this.socket, 'open')
  }

  /** Sends the hello. */
  say(): void {
    if (this.#helloSent) return
    this.#helloSent = true
    const { columns = 80, rows = 24, resume, input } = this.#options
    if (this.protocol === TTY_SUBPROTOCOL) {
      this.socket.send(Buffer.from(JSON.stringify({ AuthToken: '', columns, rows })))
      return
    }
    this.send({
      type: 'hello',
      v: PROTOCOL_VERSION,
      client: this.client,
      columns,
      rows,
      ...(resume === undefined ? {} : { resume }),
      ...(input === undefined ? {} : { input }),
    })
  }

  /** Sends one message. */
  send(message: ClientMessage): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(encodeClientMessage(message))
  }

  /** Types. */
  type(text: string | Uint8Array): void {
    this.send({ type: 'input', data: typeof text === 'string' ? Buffer.from(text) : text })
  }

  /** Says that all output up to `offset` was parsed. */
  credit(offset = this.offset): void {
    this.#credited = offset
    this.send({ type: 'credit', offset })
  }

  /** Waits for `R`. */
  async attached(): Promise<ReadyMessage> {
    return waitFor('ready', () => this.ready)
  }

  /** Waits until the output holds `text`. */
  async shows(text: string, deadlineMs?: number): Promise<string> {
    return waitFor(
      `the output ${JSON.stringify(text)}`,
      () => this.text.includes(text) && this.text,
      deadlineMs,
    )
  }

  /** Waits for a message of one type. */
  async message<T extends ServerMessage['type']>(type: T): Promise<Extract<ServerMessage, { type: T }>> {
    return waitFor(`a ${type} message`, () => {
      return this.messages.find((message) => message.type === type) as
        Extract<ServerMessage, { type: T }> | undefined
    })
  }

  /** Waits for the exit and the close. */
  async exited(deadlineMs?: number): Promise<SessionExit> {
    await waitFor('the close', () => this.closed, deadlineMs)
    return waitFor('the exit', () => this.exit)
  }

  /** Closes politely. */
  async close(code = 1000): Promise<void> {
    this.socket.close(code)
    await waitFor('the close', () => this.closed)
  }

  /** Breaks the connection without a close. */
  cut(): void {
    this.socket.terminate()
  }

  #onMessage(data: Buffer): void {
    const message = decodeServerMessage(data)
    this.opcodes += String.fromCharCode(data[0] ?? 0)
    switch (message.type) {
      case 'output':
        return this.#onOutput(message.data)
      case 'snapshot':
        this.snapshot.push(Buffer.from(message.data))
        return
      case 'ready':
        this.messages.push(message)
        this.offset = message.offset
        this.#credited = message.offset
        this.snapshot = []
        return
      default:
        this.messages.push(message)
    }
  }

  #onOutput(data: Uint8Array): void {
    this.offset += data.length
    if (this.#options.onOutput === undefined) this.chunks.push(Buffer.from(data))
    else this.#options.onOutput(data)
    const due = this.offset - this.#credited >= 32_768
    if (due && this.#options.autoCredit !== false && this.protocol === CLISCALE_SUBPROTOCOL) this.credit()
  }
}

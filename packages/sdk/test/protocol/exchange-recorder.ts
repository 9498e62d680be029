import { once } from 'node:events'
import { WebSocket } from 'ws'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  type ReadyMessage,
  type ServerMessage,
  type TerminalAccess,
} from '../../src/protocol/index.ts'
import { waitFor } from '../support/wait-for.ts'
import { describeClientMessage, describeServerMessage } from './describe-message.ts'
import { type ExchangeHeader, fromHex, type RecordedStep, toHex } from './recorded-exchange.ts'

/** Writes down what is said on the connections of one exchange. */
export class Recorder {
  readonly header: ExchangeHeader
  readonly steps: RecordedStep[] = []
  readonly #access: (connection: number) => Promise<TerminalAccess>
  #connections = 0

  /** @param access gives address and token of the connections, from 1 on */
  constructor(header: ExchangeHeader, access: (connection: number) => Promise<TerminalAccess>) {
    this.header = header
    this.#access = access
  }

  /** Opens the next connection. */
  async open(): Promise<RecordedConnection> {
    const number = (this.#connections += 1)
    const { url, token } = await this.#access(number)
    const headers = { authorization: `Bearer ${token}` }
    const socket = new WebSocket(url, [this.header.subprotocol], { headers })
    const connection = new RecordedConnection(number, socket, this.steps)
    await once(socket, 'open')
    return connection
  }
}

/** One connection of a {@link Recorder}. */
export class RecordedConnection {
  readonly received: ServerMessage[] = []
  readonly #number: number
  readonly #socket: WebSocket
  readonly #steps: RecordedStep[]
  #recording = true

  constructor(number: number, socket: WebSocket, steps: RecordedStep[]) {
    this.#number = number
    this.#socket = socket
    this.#steps = steps
    socket.on('message', (data: Buffer) => this.#heard(new Uint8Array(data)))
    socket.on('close', (code, reason) => {
      const close = { code, reason: reason.toString() }
      const meaning = `close ${code}`
      if (this.#recording) steps.push({ connection: number, from: 'server', close, meaning })
    })
  }

  /** Sends a message. `hex` are its bytes where they are not those that the SDK sends. */
  send(message: ClientMessage, hex: string = toHex(encodeClientMessage(message))): void {
    const meaning = describeClientMessage(message)
    this.#steps.push({ connection: this.#number, from: 'client', hex, meaning, message })
    this.#socket.send(fromHex(hex))
  }

  /** Says goodbye. */
  async leave(): Promise<void> {
    const close = { code: 1000, reason: '' }
    this.#steps.push({ connection: this.#number, from: 'client', close, meaning: 'goodbye' })
    this.#recording = false
    this.#socket.close(1000)
    await once(this.#socket, 'close')
  }

  /** From now on nothing arrives; once the session has sent `text` the connection is cut. */
  async lose(message: ClientMessage, text: string): Promise<void> {
    this.send(message)
    this.#recording = false
    await this.shows(text)
    const connection = this.#number
    const meaning = `the session answers ${JSON.stringify(text)}, which does not arrive`
    this.#steps.push({ connection, lost: text, meaning })
    this.#steps.push({ connection, cut: true, meaning: 'the network is gone, without a close' })
    this.#socket.terminate()
  }

  /** Waits for output. */
  async shows(text: string): Promise<void> {
    await waitFor(text, () => this.output.includes(text))
  }

  /** Waits for a message. */
  async got<T extends ServerMessage['type']>(
    type: T,
    fits: (message: Extract<ServerMessage, { readonly type: T }>) => boolean = () => true,
  ): Promise<void> {
    const isIt = (message: ServerMessage): boolean =>
      message.type === type && fits(message as Extract<ServerMessage, { readonly type: T }>)
    await waitFor(type, () => this.received.some(isIt))
  }

  /** Waits for the server's close. */
  async closed(): Promise<void> {
    await waitFor('the close', () =>
      this.#steps.some((step) => 'close' in step && step.connection === this.#number),
    )
  }

  /** Output so far. */
  get output(): string {
    const chunks = this.received.flatMap((message) => (message.type === 'output' ? [message.data] : []))
    return Buffer.concat(chunks).toString()
  }

  /** The first `ready`. */
  get ready(): ReadyMessage {
    const ready = this.received.find((message): message is ReadyMessage => message.type === 'ready')
    if (ready === undefined) throw new Error('there was no ready')
    return ready
  }

  #heard(payload: Uint8Array): void {
    const message = decodeServerMessage(payload)
    this.received.push(message)
    if (!this.#recording) return
    const meaning = describeServerMessage(message)
    this.#steps.push({ connection: this.#number, from: 'server', hex: toHex(payload), meaning, message })
  }
}

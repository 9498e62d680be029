import type { Connection } from '../connection.ts'
import { createError } from '../create-error.ts'
import type { CliscaleError } from '../errors.ts'
import type { TerminalReady, TerminalSizeChange } from '../events.ts'
import {
  type ClientMessage,
  type PhaseReport,
  PROTOCOL_VERSION,
  type ReadyMessage,
  type Role,
  type ServerMessage,
  type SessionExit,
} from '../protocol/index.ts'
import { randomId } from '../random-id.ts'
import { Heartbeat, type HeartbeatTiming } from './heartbeat.ts'
import { InputQueue } from './input-queue.ts'
import type { OutputReset } from './output-hub.ts'
import { type OutputChunk, OutputLedger } from './output-ledger.ts'
import { Resizer, type TerminalSize } from './resizer.ts'

/** Unparsed output beyond which the server evidently ignores credit. */
const MAX_UNPARSED_BYTES = 16_777_216

/** What a conversation tells. */
export interface ConversationHost {
  onPhase(report: PhaseReport): void
  onReady(ready: TerminalReady): void
  onOutput(chunk: OutputChunk): void
  onReset(reset: OutputReset): void
  onTitle(title: string): void
  onSize(size: TerminalSizeChange): void
  /** `complete`: all output that the session ever had was delivered before. */
  onExit(exit: SessionExit, complete: boolean): void
  onStable(stable: boolean): void
  onLatency(milliseconds: number): void
  /** Something went wrong that does not end the terminal. */
  onTrouble(error: CliscaleError): void
}

/**
 * What client and session say to each other, over one connection after another: it knows what was received, parsed,
 * sent and acknowledged, and so can go on where the last connection broke off.
 */
export class Conversation {
  readonly ledger: OutputLedger = new OutputLedger((offset) => this.#send({ type: 'credit', offset }))
  readonly #host: ConversationHost
  readonly #timing: HeartbeatTiming
  readonly #client = randomId()
  readonly #resizer: Resizer
  readonly #input = new InputQueue((data) => {
    this.#send({ type: 'input', data })
    this.#heartbeat?.input(true)
  })
  #connection: Connection | undefined
  #heartbeat: Heartbeat | undefined
  #isReady = false
  #role: Role | undefined
  #isDriver = false
  #wantsControl = false

  constructor(size: TerminalSize, timing: HeartbeatTiming, host: ConversationHost) {
    this.#resizer = new Resizer(size, ({ columns, rows }) => this.#send({ type: 'resize', columns, rows }))
    this.#timing = timing
    this.#host = host
  }

  /** What the token allows; undefined before the first `ready`. */
  get role(): Role | undefined {
    return this.#role
  }

  /** Whether this client types and owns the size. */
  get isDriver(): boolean {
    return this.#isDriver
  }

  /** Begins on an open connection. */
  begin(connection: Connection): void {
    this.#connection = connection
    const { columns, rows } = this.#resizer.wanted
    const resume = this.ledger.resumePoint
    this.#send({
      type: 'hello',
      v: PROTOCOL_VERSION,
      client: this.#client,
      columns,
      rows,
      input: this.#input.acked,
      ...(resume === undefined ? {} : { resume }),
    })
  }

  /** The connection is gone. */
  lost(): void {
    this.#connection = undefined
    this.#isReady = false
    this.#heartbeat?.stop()
    this.#heartbeat = undefined
    this.#input.close()
    this.#resizer.stop()
    this.ledger.stop()
  }

  /** It is over: refuses what waits. */
  end(error: CliscaleError): void {
    this.lost()
    this.#input.fail(error)
  }

  /** Sends input, now or when there is a connection. */
  write(data: Uint8Array): Promise<void> {
    if (this.#role === undefined || this.#isDriver) return this.#input.write(data)
    return Promise.reject(createError('ROLE_REFUSED', this.#notDriving()))
  }

  /** Wants a size. */
  resize(size: TerminalSize): void {
    this.#resizer.resize(size)
  }

  /** Asks to become the driver. */
  drive(): void {
    this.#wantsControl = true
    if (this.#isReady) this.#send({ type: 'drive' })
  }

  /** Checks now whether the connection is alive. */
  probe(): void {
    this.#heartbeat?.probe()
  }

  /**
   * Takes a message.
   *
   * @throws {CliscaleError} `INVALID_RESPONSE` for one that contradicts what was said before
   */
  receive(message: ServerMessage): void {
    this.#heartbeat?.received()
    switch (message.type) {
      case 'output':
      case 'snapshot':
        return this.#onOutput(message.data, message.type === 'output')
      case 'inputAck':
        return this.#onInputAck(message.offset)
      case 'ready':
        return this.#onReady(message)
      case 'size':
        return this.#onSize(message)
      case 'phase':
        this.#beat()
        return this.#host.onPhase(message.report)
      case 'title':
        return this.#host.onTitle(message.title)
      case 'exit':
        return this.#host.onExit(message.exit, this.#isComplete(message.exit))
      case 'heartbeat':
        return this.#heartbeat?.answered(message.data)
      case 'preferences':
      case 'error':
        return // Preferences belong to ttyd's own client; an error ends the connection, which tells of it.
    }
  }

  #onOutput(data: Uint8Array, counted: boolean): void {
    if (!this.#isReady) throw createError('INVALID_RESPONSE', 'The server sent output before it was ready.')
    for (const chunk of this.ledger.take(data, counted)) this.#host.onOutput(chunk)
    if (this.ledger.unparsedBytes > MAX_UNPARSED_BYTES) {
      throw createError('INVALID_RESPONSE', 'The server sent more output than it had credit for.')
    }
  }

  #onInputAck(offset: number): void {
    if (!this.#input.acknowledge(offset)) {
      throw createError('INVALID_RESPONSE', 'The server acknowledged input that was never sent.')
    }
    this.#heartbeat?.input(this.#input.inFlight)
  }

  #onReady(message: ReadyMessage): void {
    const { type: _type, ...ready } = message
    const known = this.ledger.resumePoint
    if (!this.ledger.begin(message)) {
      throw createError('INVALID_RESPONSE', 'The server went on at another offset than it was asked for.')
    }
    // Anything but a delta draws the screen from scratch; on the very first connection only a snapshot says that bytes are gone.
    if (ready.mode === 'snapshot' || (ready.mode === 'fresh' && known !== undefined)) {
      this.#host.onReset({ offset: ready.offset })
    }
    const isRepeated = this.#isReady
    this.#isReady = true
    this.#beat()
    this.#setDriver(ready.driver, ready.role)
    this.#resumeInput(ready, isRepeated, known === undefined || known.epoch === ready.epoch)
    this.#resizer.known(ready.driver ? ready : undefined)
    if (this.#wantsControl) this.#send({ type: 'drive' })
    this.#host.onReady(ready)
    this.#heartbeat?.probe()
  }

  /** The waiting room answers probes too: who waits long for a start can tell waiting from a dead line. */
  #beat(): void {
    this.#heartbeat ??= new Heartbeat(
      {
        probe: (data) => this.#send({ type: 'heartbeat', data }),
        stable: (stable) => this.#host.onStable(stable),
        dead: () =>
          this.#connection?.drop(createError('CONNECTION_LOST', 'The session did not answer.'), true),
        latency: (milliseconds) => this.#host.onLatency(milliseconds),
      },
      this.#timing,
    )
  }

  #resumeInput({ inputOffset, driver }: TerminalReady, isRepeated: boolean, isSameLife: boolean): void {
    if (isRepeated) return this.#onInputAck(inputOffset)
    if (driver && isSameLife) {
      if (this.#input.open(inputOffset)) return
      throw createError('INVALID_RESPONSE', 'The server expects input that this terminal does not have.')
    }
    if (this.#input.restart(inputOffset)) {
      this.#host.onTrouble(createError('ROLE_REFUSED', `Input was dropped. ${this.#notDriving()}`))
    }
  }

  #onSize(message: Extract<ServerMessage, { readonly type: 'size' }>): void {
    const { type: _type, ...size } = message
    this.#setDriver(size.driver, this.#role)
    this.#resizer.known(size.driver ? size : undefined)
    this.#host.onSize(size)
  }

  /** An exit without a `ready` before it comes from a session whose runner is gone, with what was not yet read. */
  #isComplete({ code, signal }: SessionExit): boolean {
    const neverRan = this.ledger.resumePoint === undefined && code === null && signal === null
    return this.#isReady || neverRan
  }

  #setDriver(isDriver: boolean, role: Role | undefined): void {
    this.#isDriver = isDriver
    this.#role = role
    if (isDriver) this.#wantsControl = false
  }

  #notDriving(): string {
    return this.#role === 'observer'
      ? 'This terminal may only watch; its token has the role observer.'
      : 'Another client types; call takeControl() first.'
  }

  #send(message: ClientMessage): void {
    this.#connection?.send(message)
  }
}

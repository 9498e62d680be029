import type { Writable } from 'node:stream'
import {
  CLISCALE_SUBPROTOCOL,
  type Close,
  closeOfError,
  closeOfExit,
  CREDIT_WINDOW_BYTES,
  encodeServerMessage,
  type ErrorCode,
  errorRow,
  MAX_SERVER_FRAME_BYTES,
  type Role,
  SERVER_OPCODES,
  type ServerMessage,
  type SessionExit,
  type TerminalSubprotocol,
} from '@cliscale/sdk/protocol'
import type { Ring } from './ring.ts'
import type { TerminalSocket } from './socket.ts'

/** Bytes that may wait in a socket's buffer, beyond the kernel's, before nothing more is put there. */
const MAX_SOCKET_BYTES = 262_144

/** Output is not cut into smaller pieces than this only because a window is nearly closed. */
const LEAST_PIECE_BYTES = 4_096

/** What a client needs of its terminal. */
export interface ClientOptions {
  readonly socket: TerminalSocket
  /** What the WebSocket writes to. */
  readonly stream: Writable
  readonly protocol: TerminalSubprotocol
  readonly role: Role
  readonly requestId: string
}

/**
 * - `greeting`  its hello has not come
 * - `waiting`   the terminal does not exist yet
 * - `attaching` its snapshot is being made
 * - `live`      output flows
 * - `lost`      it fell out of the ring; a snapshot follows once it can take something again
 * - `closing`   a close was sent
 */
export type ClientState = 'greeting' | 'waiting' | 'attaching' | 'live' | 'lost' | 'closing'

/** One socket on the terminal: what it was sent, what it has parsed, and how much more it may be sent. */
export class Client {
  readonly socket: TerminalSocket
  readonly role: Role
  readonly requestId: string
  /** Speaks `cliscale.v1`: resume, credit, typed messages. Else `tty`. */
  readonly extended: boolean
  /** Random id of the terminal object on the other side; belongs to this connection alone on `tty`. */
  id = ''
  state: ClientState = 'greeting'
  /** Size that its terminal would like. */
  columns = 0
  rows = 0
  /** Input bytes taken from this connection before it knew its base. */
  resume: { readonly epoch: string; readonly offset: number } | undefined
  /** ttyd's PAUSE. */
  paused = false
  /** Calls when it can take more, or has parsed more. */
  onProgress: () => void = () => {}
  readonly #stream: Writable
  #gathering = false
  #ring: Ring | undefined
  #window = CREDIT_WINDOW_BYTES
  #sent = 0
  #credited = 0
  readonly #afterSend = (): void => {
    if (this.state === 'live' || this.state === 'lost') this.onProgress()
  }

  constructor(options: ClientOptions) {
    this.socket = options.socket
    this.#stream = options.stream
    this.role = options.role
    this.requestId = options.requestId
    this.extended = options.protocol === CLISCALE_SUBPROTOCOL
  }

  /** Offset of the next output byte that it gets. */
  get sent(): number {
    return this.#sent
  }

  /** Offset up to which output has arrived: as its terminal says, or, on `tty`, as its socket shows. */
  get confirmed(): number {
    return this.extended ? this.#credited : this.#sent - Math.min(this.#sent, this.socket.bufferedAmount)
  }

  /** True when there is output that it may be sent now. */
  get hungry(): boolean {
    return this.state === 'live' && this.open && this.#sent < (this.#ring?.head ?? 0)
  }

  /** True when it has been sent everything that `ring` has. */
  get caughtUp(): boolean {
    return this.state === 'live' && this.#sent === this.#ring?.head
  }

  /** Output flows to it from `offset` on. */
  begin(ring: Ring, offset: number, window: number): void {
    this.#ring = ring
    this.#window = window
    this.#sent = offset
    this.#credited = offset
    this.state = 'live'
  }

  /** Its terminal has parsed up to `offset`. False when it was never sent that. */
  credit(offset: number): boolean {
    if (offset > this.#sent) return false
    this.#credited = Math.max(this.#credited, offset)
    return true
  }

  /** Whether anything may be sent now. */
  get open(): boolean {
    return !this.paused && this.socket.bufferedAmount < MAX_SOCKET_BYTES && this.#room() > 0
  }

  /** Whether a client that fell behind has parsed enough of what it got to be sent a screen. */
  get recovered(): boolean {
    return this.open && this.#room() >= this.#window / 2
  }

  /** Sends as much output as it may get. */
  pump(): void {
    const ring = this.#ring
    if (ring === undefined) return
    while (this.hungry) {
      if (this.#sent < ring.tail) {
        this.state = 'lost'
        return
      }
      const owed = Math.min(ring.head - this.#sent, MAX_SERVER_FRAME_BYTES - 1)
      const room = this.#room()
      if (room < owed && room < LEAST_PIECE_BYTES) return
      const to = this.#sent + Math.min(owed, room)
      this.#send(ring.frame(SERVER_OPCODES.output, this.#sent, to), this.#afterSend)
      this.#sent = to
    }
  }

  /** Sends bytes that rebuild a screen. */
  sendSnapshot(data: Buffer): void {
    const opcode = this.extended ? SERVER_OPCODES.snapshot : SERVER_OPCODES.output
    for (let at = 0; at < data.length; at += MAX_SERVER_FRAME_BYTES - 1) {
      const piece = data.subarray(at, at + MAX_SERVER_FRAME_BYTES - 1)
      this.#send(Buffer.concat([Buffer.of(opcode), piece]), this.#afterSend)
    }
  }

  /** Sends a message. Those that `tty` does not know are not sent there. */
  send(message: ServerMessage): void {
    if (this.extended || message.type === 'title' || message.type === 'preferences') {
      this.#send(encodeServerMessage(message))
    }
  }

  /** Tells how the session ended, and closes. */
  finish(exit: SessionExit): void {
    this.send({ type: 'exit', exit })
    this.#close(closeOfExit(exit))
  }

  /** Refuses it with a typed error. */
  fail(code: ErrorCode, message: string): void {
    if (this.state === 'closing') return
    const { retryable } = errorRow(code)
    const requestId = this.requestId === '' ? {} : { requestId: this.requestId }
    this.send({ type: 'error', error: { code, message, retryable, ...requestId } })
    this.#close(closeOfError(code))
  }

  /** Closes the socket; nothing of what it still sends is read. */
  #close({ code, reason }: Close): void {
    this.state = 'closing'
    this.socket.close(code, reason)
  }

  /** What is sent in one turn of the event loop leaves in one write, which the gateway and the client read at once. */
  #send(data: Uint8Array, sent?: () => void): void {
    if (!this.#gathering) {
      this.#gathering = true
      this.#stream.cork()
      process.nextTick(() => {
        this.#gathering = false
        this.#stream.uncork()
      })
    }
    this.socket.send(data, sent)
  }

  #room(): number {
    return this.extended ? this.#window - (this.#sent - this.#credited) : Number.POSITIVE_INFINITY
  }
}

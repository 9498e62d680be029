import { randomUUID } from 'node:crypto'
import type { Writable } from 'node:stream'

import {
  type ClientMessage,
  decodeClientMessage,
  type HelloMessage,
  MalformedMessage,
  MAX_CLIENTS_PER_SESSION,
  type PhaseReport,
  type Role,
  SUPPORTED_PROTOCOL_VERSIONS,
  type TerminalSubprotocol,
} from '@cliscale/sdk/protocol'
import type { RawData } from 'ws'

import { Client } from './client.ts'
import { ResumeFigures } from './figures.ts'
import { InputLedger } from './input-ledger.ts'
import { KEEP_MS } from './seat.ts'
import { planResume, type ResumePlan } from './resume.ts'
import type { TerminalSocket } from './socket.ts'
import type { Terminal } from './terminal.ts'

/** A client says hello within this time, or is refused. */
const HELLO_DEADLINE_MS = 10_000

/** Input that may wait for the program before its clients are no longer read. */
const MAX_PENDING_INPUT_BYTES = 131_072

/** Erases what a `tty` client shows: it knows no other way to be told. */
const RESET = Buffer.from('\x1bc')

/** Closes after which a client may come back: the connection was lost, or the gateway restarts. */
const BROKEN: ReadonlySet<number> = new Set([1006, 1012])

/** What the server of a terminal's clients tells. */
export interface TerminalServerEvents {
  /** A client is gone. `tookAll`: it may drive, and has received all output and the exit. */
  readonly left: (tookAll: boolean) => void
  /** A client was brought up to date, or is gone. */
  readonly counted?: () => void
}

/** How one socket was let in. */
export interface Admission {
  /** What the WebSocket writes to. */
  readonly stream: Writable
  readonly protocol: TerminalSubprotocol
  readonly role: Role
  readonly requestId: string
}

/** The clients of one terminal. */
export class TerminalServer {
  /** One life of this runner; offsets of another mean nothing here. */
  readonly epoch: string = randomUUID()
  readonly figures: ResumeFigures = new ResumeFigures()
  readonly #clients = new Set<Client>()
  readonly #ledger: InputLedger
  readonly #events: TerminalServerEvents
  #terminal: Terminal | undefined
  #phase: PhaseReport | undefined
  #title = ''
  #passOnLater: NodeJS.Timeout | undefined

  constructor(events: TerminalServerEvents) {
    this.#events = events
    this.#ledger = new InputLedger((id, offset) => {
      for (const client of this.#clients) {
        if (client.id === id) client.send({ type: 'inputAck', offset })
      }
    })
  }

  /** Attached clients by role. */
  get counts(): Readonly<Record<Role, number>> {
    const counts = { driver: 0, observer: 0 }
    for (const client of this.#clients) {
      if (client.state !== 'greeting' && client.state !== 'closing') counts[client.role]++
    }
    return counts
  }

  /** True while clients are there that have not been told the exit. */
  get busy(): boolean {
    return this.#clients.size > 0
  }

  /** Gives the server its terminal; `title` is what `tty` clients see as the window's title. */
  open(terminal: Terminal, title: string): void {
    this.#terminal = terminal
    this.#title = title
  }

  /** Shows what the session does until it runs. */
  report(phase: PhaseReport): void {
    this.#phase = phase
    for (const client of this.#clients) {
      if (client.state === 'waiting') client.send({ type: 'phase', report: phase })
    }
  }

  /** The program runs, or will never: those who waited are attached. */
  started(): void {
    for (const client of this.#clients) {
      if (client.state === 'waiting') this.#attach(client)
    }
    this.#readAgain()
  }

  /** Sends what can be sent, to all. */
  flush(): void {
    for (const client of this.#clients) this.#advance(client)
  }

  /** Tells everybody size and driver. */
  announce(): void {
    for (const client of this.#clients) this.#sendSize(client)
  }

  /** Ends all connections without ado. */
  close(): void {
    clearTimeout(this.#passOnLater)
    this.#ledger.close()
    for (const client of this.#clients) client.socket.terminate()
  }

  /** Takes a socket in. */
  accept(socket: TerminalSocket, admission: Admission): void {
    const client = new Client({ socket, ...admission })
    client.onProgress = () => this.#advance(client)
    const deadline = setTimeout(
      () => client.fail('HANDSHAKE_TIMEOUT', 'The hello did not come in time.'),
      HELLO_DEADLINE_MS,
    )
    socket.on('message', (data: RawData) => {
      clearTimeout(deadline)
      this.#onMessage(client, data as Buffer)
    })
    socket.onFault = (code, message) => client.fail(code, message)
    // Told by `onFault`.
    socket.on('error', () => {})
    socket.on('close', (code) => {
      clearTimeout(deadline)
      this.#onClose(client, code)
    })
    this.#clients.add(client)
    if (this.#clients.size > MAX_CLIENTS_PER_SESSION) {
      client.fail('TOO_MANY_CLIENTS', `The session has ${MAX_CLIENTS_PER_SESSION} clients already.`)
    }
  }

  #onMessage(client: Client, data: Buffer): void {
    if (client.state === 'closing') return
    try {
      this.#dispatch(client, decodeClientMessage(data))
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error
      client.fail('MALFORMED_FRAME', `${error.message}.`)
    }
  }

  #dispatch(client: Client, message: ClientMessage): void {
    if (client.state === 'greeting' && message.type !== 'hello') {
      throw new MalformedMessage('the first message must be the hello')
    }
    switch (message.type) {
      case 'hello':
        return this.#onHello(client, message)
      case 'input':
        return this.#onInput(client, message.data)
      case 'resize':
        return this.#onResize(client, message)
      case 'drive':
        return this.#onDrive(client)
      case 'credit':
        if (!client.credit(message.offset)) throw new MalformedMessage('the credit is ahead of the output')
        return this.#advance(client)
      case 'heartbeat':
        return client.send(message)
      case 'pause':
      case 'resume':
        if (client.extended) throw new MalformedMessage('pause and resume belong to the subprotocol tty')
        client.paused = message.type === 'pause'
        return this.#advance(client)
    }
  }

  #onHello(client: Client, hello: HelloMessage): void {
    const terminal = this.#terminal
    if (client.state !== 'greeting') {
      if (client.extended) throw new MalformedMessage('the hello came twice')
      return
    }
    if (terminal === undefined) return client.fail('CONFLICT', 'The runner has no session yet.')
    if (client.extended && !SUPPORTED_PROTOCOL_VERSIONS.includes(hello.v ?? 0)) {
      const known = SUPPORTED_PROTOCOL_VERSIONS.join(', ')
      return client.fail('PROTOCOL_VERSION_UNSUPPORTED', `This runner speaks protocol version ${known}.`)
    }
    // Of its role: who learns another's id gains nothing by it with a token that allows less.
    client.id = `${client.role}:${(client.extended ? hello.client : undefined) ?? randomUUID()}`
    client.resume = client.extended ? hello.resume : undefined
    client.columns = hello.columns
    client.rows = hello.rows
    this.#replaceOlder(client)
    this.#ledger.open(client.id, hello.input ?? 0)
    client.state = 'waiting'
    if (terminal.join(client)) this.#sizeLike(client)
    if (terminal.started) this.#attach(client)
    else if (this.#phase !== undefined) client.send({ type: 'phase', report: this.#phase })
  }

  #replaceOlder(client: Client): void {
    for (const older of this.#clients) {
      if (older === client || older.id !== client.id) continue
      this.#terminal?.leave(older, false)
      older.fail('TAKEN_OVER', 'The same client connected again.')
    }
  }

  #onInput(client: Client, data: Uint8Array): void {
    const terminal = this.#terminal
    if (terminal === undefined || data.length === 0) return
    if (client.role !== 'driver') return this.#refuseRole(client)
    const written = this.#ledger.receive(client.id, data.length)
    // Keys that were on their way when another took the seat are dropped, but counted: offsets stay in step.
    if (terminal.seat.holder !== client) return written()
    terminal.type(data, () => {
      written()
      this.#readAgain()
    })
    if (terminal.pendingInput > MAX_PENDING_INPUT_BYTES) client.socket.pause()
  }

  /** Reads clients again whose input had piled up. */
  #readAgain(): void {
    if ((this.#terminal?.pendingInput ?? 0) > MAX_PENDING_INPUT_BYTES / 2) return
    for (const client of this.#clients) {
      if (client.socket.isPaused) client.socket.resume()
    }
  }

  #onResize(client: Client, size: { readonly columns: number; readonly rows: number }): void {
    if (client.role !== 'driver') return this.#refuseRole(client)
    client.columns = size.columns
    client.rows = size.rows
    if (this.#terminal?.seat.holder === client) this.#terminal.sizer.want(size.columns, size.rows)
  }

  #onDrive(client: Client): void {
    const terminal = this.#terminal
    if (client.role !== 'driver') return this.#refuseRole(client)
    if (terminal === undefined || terminal.seat.holder === client) return
    terminal.take(client)
    this.#sizeLike(client)
    this.announce()
  }

  /** The driver is gone, for good or until its seat is kept no longer. */
  #seatLeft(mayReturn: boolean): void {
    clearTimeout(this.#passOnLater)
    if (mayReturn) this.#passOnLater = setTimeout(() => this.#passOn(), KEEP_MS).unref()
    else this.#passOn()
  }

  /** Gives a seat that nobody has to the only one that may have it; several must say who of them wants it. */
  #passOn(): void {
    const terminal = this.#terminal
    if (terminal === undefined || terminal.seat.holder !== undefined) return
    const able = [...this.#clients].filter(
      ({ role, state }) => role === 'driver' && state !== 'greeting' && state !== 'closing',
    )
    const [only] = able
    if (only === undefined || able.length > 1) return
    terminal.take(only)
    this.#sizeLike(only)
    this.announce()
  }

  /** ttyd ignores what a viewer sends, and its stock page sends sizes unasked. */
  #refuseRole(client: Client): void {
    if (client.extended) client.fail('ROLE_REFUSED', 'An observer cannot type, resize or become the driver.')
  }

  #sizeLike(client: Client): void {
    if (client.columns > 0 && client.rows > 0) this.#terminal?.sizer.set(client.columns, client.rows)
  }

  #attach(client: Client): void {
    const terminal = this.#terminal
    if (terminal === undefined) return
    const plan = planResume(client.resume, this.epoch, terminal.history.ring)
    if (plan.mode === 'snapshot' || (!client.extended && terminal.replayBytes(client, 0) > 0)) {
      this.#sendScreen(client, plan.mode === 'snapshot' ? plan : { mode: 'snapshot' })
      return
    }
    this.figures.resumed(plan, terminal.history.ring.head)
    this.#sendReady(client, plan, {
      offset: plan.offset,
      replayBytes: terminal.replayBytes(client, plan.offset),
    })
    client.begin(terminal.history.ring, plan.offset, terminal.window)
    this.#attached(client)
  }

  #sendScreen(client: Client, plan: ResumePlan): void {
    this.#attachBySnapshot(client, plan).catch((error: unknown) => {
      this.figures.resumes.failed += 1
      client.fail('INTERNAL', `The screen could not be rebuilt: ${String(error)}.`)
    })
  }

  async #attachBySnapshot(client: Client, plan: ResumePlan): Promise<void> {
    const terminal = this.#terminal
    if (terminal === undefined) return
    // One that fell behind was there all the time.
    const resumes = client.state !== 'lost'
    client.state = 'attaching'
    const snapshot = await terminal.history.snapshot()
    if (client.state !== 'attaching') return
    if (resumes) this.figures.resumed(plan, terminal.history.ring.head)
    this.#sendReady(client, plan, { offset: snapshot.offset, replayBytes: snapshot.data.length })
    if (!client.extended) client.sendSnapshot(RESET)
    client.sendSnapshot(snapshot.data)
    client.begin(terminal.history.ring, snapshot.offset, terminal.window)
    this.#attached(client)
    if (snapshot.alternate && terminal.seat.holder === client) terminal.sizer.jiggle()
  }

  #attached(client: Client): void {
    if (this.#terminal?.seat.holder === client) this.#terminal.answered()
    this.announce()
    this.#advance(client)
    this.#events.counted?.()
  }

  #sendReady(client: Client, plan: ResumePlan, from: { offset: number; replayBytes: number }): void {
    const terminal = this.#terminal
    if (terminal === undefined) return
    this.figures.replayedBytes += from.replayBytes
    if (!client.extended) {
      client.send({ type: 'title', title: this.#title })
      client.send({ type: 'preferences', preferences: {} })
      return
    }
    client.send({
      type: 'ready',
      epoch: this.epoch,
      mode: plan.mode,
      ...from,
      ...('truncatedFrom' in plan ? { truncatedFrom: plan.truncatedFrom } : {}),
      inputOffset: this.#ledger.open(client.id, 0),
      ...terminal.sizer.size,
      role: client.role,
      driver: terminal.seat.holder === client,
    })
  }

  #sendSize(client: Client): void {
    const terminal = this.#terminal
    if (terminal === undefined || (client.state !== 'live' && client.state !== 'lost')) return
    const { driver, observer } = this.counts
    const isDriver = terminal.seat.holder === client
    client.send({ type: 'size', ...terminal.sizer.size, driver: isDriver, clients: driver + observer })
  }

  /** Sends a client what it may get, brings it back when it fell behind, and lets it go when it has everything. */
  #advance(client: Client): void {
    const terminal = this.#terminal
    if (terminal === undefined) return
    if (client.hungry) this.#ledger.flush(client.id)
    client.pump()
    if (client.state === 'lost' && client.recovered) {
      this.#sendScreen(client, { mode: 'snapshot', truncatedFrom: client.sent })
    } else if (terminal.exit !== undefined && client.caughtUp) {
      client.finish(terminal.exit)
    }
    if (terminal.seat.holder === client) terminal.gate()
  }

  #onClose(client: Client, code: number): void {
    const finished = client.state === 'closing' && this.#terminal?.exit !== undefined && code === 1000
    client.state = 'closing'
    this.#clients.delete(client)
    // A stock `tty` client has no id by which it could be known again.
    const mayReturn = BROKEN.has(code) && client.extended
    if (this.#terminal?.leave(client, mayReturn) === true) this.#seatLeft(mayReturn)
    this.announce()
    this.#events.left(finished && client.role === 'driver')
    this.#events.counted?.()
  }
}

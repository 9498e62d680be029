import { createError, createExitError } from './create-error.ts'
import { type Deferred, deferred } from './deadline.ts'
import { type CliscaleError, isCliscaleError } from './errors.ts'
import type { TerminalEvents, TerminalReady, TerminalState, TerminalStateDetail } from './events.ts'
import { fromUtf8, toUtf8 } from './protocol/text.ts'
import type { PhaseReport, Role, SessionExit } from './protocol/index.ts'
import { SafeEmitter } from './safe-emitter.ts'
import { type CollectOptions, collect } from './terminal/collect.ts'
import { Conversation } from './terminal/conversation.ts'
import { Link } from './terminal/link.ts'
import { OutputHub, type TerminalSink } from './terminal/output-hub.ts'
import { type GapHandling, OutputReader } from './terminal/output-reader.ts'
import { clampSize, type TerminalSize } from './terminal/resizer.ts'
import { onWakeUp } from './terminal/wake-ups.ts'
import {
  type ResolvedTerminalOptions,
  resolveTerminalOptions,
  type TerminalOptions,
} from './terminal-options.ts'

type Listener<E extends keyof TerminalEvents> = (...args: TerminalEvents[E]) => void

/**
 * A terminal on a session: output in, input out, over as many connections as it takes. It connects again by itself and
 * goes on at the very byte.
 *
 * Output that arrives before there is a reader is held, up to 256 KiB; what comes beyond that is dropped
 * (`droppedBytes`), because a program must not stand still for a terminal that nobody reads.
 *
 * @example
 * ```ts
 * await using terminal = session.connect()
 * terminal.on('data', (bytes) => process.stdout.write(bytes))
 * await terminal.write('ls\n')
 * const { code } = await terminal.exited
 * ```
 */
export class Terminal implements AsyncDisposable {
  readonly #options: ResolvedTerminalOptions
  readonly #emitter = new SafeEmitter<TerminalEvents>()
  readonly #hub: OutputHub
  readonly #conversation: Conversation
  readonly #readers = new Set<OutputReader>()
  readonly #cleanups: (() => void)[] = []
  #link: Link | undefined
  #state: TerminalState = 'idle'
  /** What it is when it is not `unstable`. */
  #steadyState: TerminalState = 'connected'
  /** The session ended elsewhere: the last output never came. */
  #isTorn = false
  /** Why the session's end is no end of its command. */
  #exitError: CliscaleError | undefined
  #error: CliscaleError | undefined
  #phase: PhaseReport | undefined
  #ready: Deferred<TerminalReady> = deferred()
  #exited: Deferred<SessionExit> = deferred()
  #control: Deferred<void> | undefined
  #size: TerminalSize
  #latencyMs: number | undefined
  #removeSink: (() => void) | undefined
  #closing: Promise<void> | undefined

  /** Makes a terminal; `connect()` starts it. Until then it opens nothing and spends no token. */
  constructor(options: TerminalOptions) {
    this.#options = resolveTerminalOptions(options)
    this.#size = clampSize(this.#options)
    this.#hub = new OutputHub({
      hasListeners: () => this.#emitter.hears('data'),
      emitData: (data, info) => this.#emitter.emit('data', data, info),
      emitReset: (reset) => this.#emitter.emit('reset', reset),
      sinkFailed: (error) => this.#emitter.emit('error', toError('A terminal sink threw', error)),
    })
    this.#conversation = new Conversation(this.#size, this.#options.heartbeat, this.#conversationHost())
    this.#follow(options.signal)
  }

  /** What it is doing. */
  get state(): TerminalState {
    return this.#state
  }

  /** Why the connection was last lost, or why the terminal failed; undefined when all is well. */
  get error(): CliscaleError | undefined {
    return this.#error
  }

  /** The last report about a session that is not yet running. */
  get phase(): PhaseReport | undefined {
    return this.#phase
  }

  /** The session's size in cells; before `ready`, the size that was asked for. */
  get size(): TerminalSize {
    return this.#size
  }

  /** What the token allows; undefined before `ready`. */
  get role(): Role | undefined {
    return this.#conversation.role
  }

  /** Whether this terminal types and owns the size. Others only watch until `takeControl()`. */
  get isDriver(): boolean {
    return this.#conversation.isDriver
  }

  /** True while repeated output is not yet parsed: answers to terminal queries must not be written then. */
  get replaying(): boolean {
    return this.#conversation.ledger.replaying
  }

  /** The last measured round trip in milliseconds. */
  get latencyMs(): number | undefined {
    return this.#latencyMs
  }

  /** Output bytes that came while nobody read and were dropped. */
  get droppedBytes(): number {
    return this.#hub.droppedBytes
  }

  /** Resolves when the terminal is there for the first time. Rejects when it fails or is closed before, and with why the session failed when its command never ran. */
  get ready(): Promise<TerminalReady> {
    return this.#ready.promise
  }

  /** Resolves when the session's command ended; also when it failed to start (`reason: 'failed'`). Rejects when the terminal fails or is closed before. */
  get exited(): Promise<SessionExit> {
    return this.#exited.promise
  }

  /** Output as bytes, for showing: each iterator starts with what is not yet read. When bytes are gone it goes on with a terminal reset and a snapshot of the screen. */
  get output(): AsyncIterable<Uint8Array> {
    return { [Symbol.asyncIterator]: () => this.#read('snapshot') }
  }

  /** Listens. @returns this */
  on<E extends keyof TerminalEvents>(event: E, listener: Listener<E>): this {
    this.#emitter.on(event, listener)
    if (event === 'data') queueMicrotask(() => this.#hub.release())
    return this
  }

  /** Listens once. @returns this */
  once<E extends keyof TerminalEvents>(event: E, listener: Listener<E>): this {
    this.#emitter.once(event, listener)
    if (event === 'data') queueMicrotask(() => this.#hub.release())
    return this
  }

  /** Stops listening. @returns this */
  off<E extends keyof TerminalEvents>(event: E, listener: Listener<E>): this {
    this.#emitter.off(event, listener)
    return this
  }

  /**
   * Sets the one sink whose speed the session follows, or takes it away. What an old sink has not finished counts as
   * done.
   */
  setSink(sink: TerminalSink | TerminalSink['write'] | null): void {
    this.#removeSink?.()
    this.#removeSink = undefined
    if (sink === null) return
    this.#removeSink = this.#hub.add(typeof sink === 'function' ? { write: sink } : sink)
  }

  /** Output as a web stream; see `output`. Cancel it to stop reading. */
  readable(): ReadableStream<Uint8Array> {
    const reader = this.#read('snapshot')
    return new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { done, value } = await reader.next()
          if (done === true) controller.close()
          else controller.enqueue(value)
        },
        async cancel() {
          await reader.return()
        },
      },
      { highWaterMark: 0 },
    )
  }

  /**
   * Collects the output until the session ends.
   *
   * @throws {CliscaleError} `OUTPUT_TOO_LARGE` beyond `maxBytes` (default 16 MiB), `CONNECTION_LOST` when
   *   bytes are gone, `ABORTED`; why the session failed (`COMMAND_NOT_FOUND`, `BUNDLE_FETCH_FAILED`, …), `SESSION_ENDED`
   *   when it was ended before its command ran, or why the terminal failed
   */
  async bytes(options: CollectOptions = {}): Promise<Uint8Array> {
    return await collect(this.#read('fail'), options)
  }

  /** Collects the output as text (UTF-8; what is not becomes U+FFFD). Escape sequences and `\r\n` stay as they are. See `bytes`. */
  async text(options: CollectOptions = {}): Promise<string> {
    return fromUtf8(await this.bytes(options))
  }

  /**
   * Connects, unless it does so already; a failed terminal tries again. Returns at once: `ready`, `state` and `exited`
   * tell how it goes.
   *
   * @throws {CliscaleError} `CLOSED`
   */
  connect(): this {
    if (this.#state === 'closed') throw createError('CLOSED')
    if (this.#state !== 'idle' && this.#state !== 'failed') return this
    if (this.#state === 'failed') {
      this.#ready = deferred()
      this.#exited = deferred()
      this.#error = undefined
    }
    const link: Link = new Link(this.#options, {
      connecting: () => this.#setState(this.#error === undefined ? 'connecting' : 'reconnecting'),
      opened: (connection) => {
        if (this.#conversation.ledger.resumePoint !== undefined) this.#setState('resuming')
        this.#conversation.begin(connection)
      },
      message: (message) => this.#conversation.receive(message),
      lost: () => this.#conversation.lost(),
      waiting: (attempt, retryInMs, error) => {
        this.#error = error
        this.#setState('reconnecting', { error, attempt, retryInMs })
      },
      failed: (error) => this.#finish('failed', error),
      slow: (error) => this.#emitter.emit('error', error),
    })
    this.#link = link
    this.#cleanups.push(
      onWakeUp(() => {
        link.wake()
        this.#conversation.probe()
      }),
    )
    this.#setState('connecting')
    link.run().catch((error: unknown) => this.#finish('failed', toError('Connecting failed', error)))
    return this
  }

  /**
   * Types. Input is kept until the session acknowledged it and sent again after a reconnect: each byte arrives once.
   *
   * @returns a promise that settles when the input is accepted: at most 64 KiB are on their way unacknowledged
   * @throws {CliscaleError} `CLOSED`, `SESSION_ENDED`, `ROLE_REFUSED` (another client types), `INPUT_OVERFLOW` (1 MiB
   *   waits already)
   */
  write(data: string | Uint8Array): Promise<void> {
    const refusal = this.#refusal()
    const bytes = typeof data === 'string' ? toUtf8(data) : data
    const accepted = refusal === undefined ? this.#conversation.write(bytes) : Promise.reject(refusal)
    // A key handler does not await; what became of the terminal is told by its events.
    accepted.catch(() => undefined)
    return accepted
  }

  /** Sets the size in cells, clamped to 1,000 × 500. Bursts are sent at most every 50 ms. Only the driver's size counts. */
  resize(columns: number, rows: number): void {
    if (this.#refusal() === undefined) this.#conversation.resize({ columns, rows })
  }

  /**
   * Becomes the driver: the one that types and owns the size.
   *
   * @throws {CliscaleError} `ROLE_REFUSED` for an observer's token, or why the terminal ended
   */
  takeControl(): Promise<void> {
    const refusal = this.#refusal() ?? (this.role === 'observer' ? createError('ROLE_REFUSED') : undefined)
    if (refusal !== undefined) return Promise.reject(refusal)
    if (this.isDriver) return Promise.resolve()
    this.#control ??= deferred()
    this.#conversation.drive()
    return this.#control.promise
  }

  /** Closes the terminal; the session goes on. Resolves when the socket is closed, after at most a second. */
  close(): Promise<void> {
    if (this.#state !== 'closed' && this.#state !== 'exited') this.#finish('closed', createError('CLOSED'))
    return this.#closing ?? Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #conversationHost(): ConstructorParameters<typeof Conversation>[2] {
    return {
      onPhase: (report) => {
        this.#phase = report
        this.#setState('provisioning')
        this.#emitter.emit('phase', report)
      },
      onReady: (ready) => {
        this.#link?.ready()
        this.#error = undefined
        this.#phase = undefined
        this.#size = { columns: ready.columns, rows: ready.rows }
        this.#settleControl()
        this.#ready.resolve(ready)
        this.#setState('connected')
        this.#emitter.emit('ready', ready)
      },
      onOutput: (chunk) => this.#hub.deliver(chunk),
      onReset: (reset) => this.#hub.reset(reset),
      onTitle: (title) => this.#emitter.emit('title', title),
      onSize: (size) => {
        this.#size = { columns: size.columns, rows: size.rows }
        this.#settleControl()
        this.#emitter.emit('size', size)
      },
      onExit: (exit, complete) => {
        this.#exitError = createExitError(exit)
        for (const reader of this.#readers) if (this.#exitError !== undefined) reader.fail(this.#exitError)
        if (!complete) for (const reader of this.#readers) reader.lose()
        this.#isTorn = !complete
        this.#exited.resolve(exit)
        this.#finish('exited', undefined)
        this.#emitter.emit('exit', exit)
      },
      onStable: (stable) => {
        if (!stable) this.#steadyState = this.#state
        this.#setState(stable ? this.#steadyState : 'unstable')
      },
      onLatency: (milliseconds) => {
        this.#latencyMs = milliseconds
        this.#emitter.emit('latency', milliseconds)
      },
      onTrouble: (error) => this.#emitter.emit('error', error),
    }
  }

  #finish(state: 'exited' | 'failed' | 'closed', error: CliscaleError | undefined): void {
    this.#error = error
    const refusal = error ?? createError('SESSION_ENDED')
    this.#conversation.end(refusal)
    this.#ready.reject(this.#exitError ?? refusal)
    this.#exited.reject(refusal)
    this.#control?.reject(refusal)
    this.#control = undefined
    for (const reader of this.#readers) reader.end(error)
    for (const cleanup of this.#cleanups.splice(0)) cleanup()
    if (state === 'closed') this.setSink(null)
    this.#closing = this.#link?.stop()
    this.#setState(state, error === undefined ? {} : { error })
    if (state === 'failed' && error !== undefined) this.#emitter.emit('error', error)
  }

  #read(gaps: GapHandling): OutputReader {
    const reader = new OutputReader(gaps)
    const remove = this.#hub.add(reader)
    this.#readers.add(reader)
    reader.onDetach(() => {
      this.#readers.delete(reader)
      remove()
    })
    if (this.#exitError !== undefined) reader.fail(this.#exitError)
    if (this.#isTorn) reader.lose()
    if (this.#isOver()) reader.end(this.#error)
    return reader
  }

  #refusal(): CliscaleError | undefined {
    if (this.#state === 'exited') return createError('SESSION_ENDED')
    return this.#isOver() ? (this.#error ?? createError('CLOSED')) : undefined
  }

  #isOver(): boolean {
    return this.#state === 'exited' || this.#state === 'failed' || this.#state === 'closed'
  }

  #settleControl(): void {
    if (!this.isDriver) return
    this.#control?.resolve()
    this.#control = undefined
  }

  #setState(state: TerminalState, detail: Omit<TerminalStateDetail, 'previous'> = {}): void {
    const previous = this.#state
    if (state === previous && detail.attempt === undefined) return
    this.#state = state
    this.#emitter.emit('state', state, { previous, ...detail })
  }

  #follow(signal: AbortSignal | undefined): void {
    if (signal === undefined) return
    const close = (): void => void this.close()
    if (signal.aborted) close()
    signal.addEventListener('abort', close, { once: true })
    this.#cleanups.push(() => signal.removeEventListener('abort', close))
  }
}

/** Makes a terminal and connects it; with a signal that has aborted already it is closed. @example `connectTerminal({ tokenSource: TokenSource.endpoint('/api/terminal') })` */
export function connectTerminal(options: TerminalOptions): Terminal {
  const terminal = new Terminal(options)
  return terminal.state === 'closed' ? terminal : terminal.connect()
}

function toError(what: string, error: unknown): CliscaleError {
  if (isCliscaleError(error)) return error
  return createError('INTERNAL', `${what}: ${String(error)}`, { cause: error, retryable: false })
}

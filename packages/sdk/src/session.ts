import { createError, createFailureError } from './create-error.ts'
import { bounded, deferred } from './deadline.ts'
import { type CliscaleError, EndedError, isCliscaleError, NotFoundError } from './errors.ts'
import type { SessionEvents } from './events.ts'
import { ExpiryAlarm } from './expiry-alarm.ts'
import type {
  CallOptions,
  CreateTokenOptions,
  EventsOptions,
  UpdateSessionOptions,
  WaitOptions,
} from './options.ts'
import {
  isEnded,
  isPhase,
  type PhaseReport,
  type Role,
  type SessionEvent,
  type SessionExit,
  type SessionInfo,
  type SessionState,
  type TerminalAccess,
} from './protocol/index.ts'
import type { Recording } from './recording.ts'
import { SafeEmitter } from './safe-emitter.ts'
import { FRESH_MS } from './terminal/limits.ts'
import { applyEvent, hasReached } from './session-info.ts'
import type { SessionsApi } from './sessions-api.ts'
import { connectTerminal, type Terminal } from './terminal.ts'
import type { TerminalOptions } from './terminal-options.ts'
import { TokenSource } from './token-source.ts'

type Listener<E extends keyof SessionEvents> = (...args: SessionEvents[E]) => void

/** Options of {@link Session.connect}. */
export interface ConnectOptions extends Omit<TerminalOptions, 'tokenSource' | 'url'> {
  /** What the terminal may do. Default `driver`. */
  readonly role?: Role | undefined
}

interface Watcher {
  changed(): void
  failed(error: CliscaleError): void
}

/**
 * A session. What it says about itself is of the last answer or event; while somebody listens or waits it follows the
 * server's events and is live, else `refresh()` brings it up to date.
 *
 * `await using session = …` ends the session when the block is left.
 */
export class Session implements AsyncDisposable {
  readonly #api: SessionsApi
  readonly #emitter = new SafeEmitter<SessionEvents>()
  readonly #watchers = new Set<Watcher>()
  readonly #alarm: ExpiryAlarm
  #info: SessionInfo
  #access: TerminalAccess | undefined
  #seq = 0
  #following: AbortController | undefined
  #stopListening: (() => void) | undefined

  /** @internal */
  constructor(api: SessionsApi, info: SessionInfo, access?: TerminalAccess) {
    this.#api = api
    this.#alarm = new ExpiryAlarm(api.http.clock, (at) => this.#emitter.emit('expiring', at))
    this.#info = info
    this.#access = access
  }

  /** Everything that the API shows of it. */
  get info(): SessionInfo {
    return this.#info
  }

  /** `ses_…` */
  get id(): string {
    return this.#info.id
  }

  /** Where it stands. */
  get state(): SessionState {
    return this.#info.state
  }

  /** What it does while it is not yet running. */
  get phase(): PhaseReport | null {
    return this.#info.phase
  }

  /** How it ended; `null` while it lives. */
  get exit(): SessionExit | null {
    return this.#info.exit
  }

  /** Your labels. */
  get metadata(): Readonly<Record<string, string>> {
    return this.#info.metadata
  }

  /** When its lifetime is over. */
  get expiresAt(): Date {
    return new Date(this.#info.expiresAt)
  }

  /** Listens; from the first listener on, the session follows the server's events. @returns this */
  on<E extends keyof SessionEvents>(event: E, listener: Listener<E>): this {
    this.#emitter.on(event, listener)
    this.#stopListening ??= this.#watch({
      changed: () => undefined,
      failed: (error) => {
        this.#stopListening = undefined
        this.#emitter.emit('error', error)
      },
    })
    return this
  }

  /** Stops listening; with the last listener the stream ends. @returns this */
  off<E extends keyof SessionEvents>(event: E, listener: Listener<E>): this {
    this.#emitter.off(event, listener)
    if (!this.#emitter.isHeard) this.close()
    return this
  }

  /** Removes every listener and ends the event stream. The session itself goes on. */
  close(): void {
    this.#emitter.clear()
    this.#stopListening?.()
    this.#stopListening = undefined
  }

  /**
   * Waits until the session has come at least as far as `state`; told by events, not by asking again and again.
   *
   * @example `await session.waitUntil('running', { timeoutMs: 60_000 })`
   * @throws {CliscaleError} why it failed, or `SESSION_ENDED`, when it ended without getting there; `REQUEST_TIMEOUT`,
   *   `ABORTED`
   */
  async waitUntil(state: SessionState, options: WaitOptions = {}): Promise<this> {
    const arrived = deferred<void>()
    const check = (): void => {
      const outcome = outcomeOfWait(this.#info, state)
      if (outcome === 'arrived') arrived.resolve()
      else if (outcome !== 'waiting') arrived.reject(outcome)
    }
    const stop = this.#watch({ changed: check, failed: arrived.reject })
    check()
    const { signal, timeoutMs } = options
    const onTimeout = (): CliscaleError =>
      createError('REQUEST_TIMEOUT', `The session is ${this.state}, not ${state}, after ${timeoutMs} ms.`)
    try {
      await bounded({ signals: [signal], timeoutMs, onTimeout }, () => arrived.promise)
      return this
    } finally {
      stop()
    }
  }

  /**
   * Opens a terminal. It may be opened before the session runs: phases arrive on it. Each connection gets a new
   * one-time token by itself.
   */
  connect(options: ConnectOptions = {}): Terminal {
    const { role = 'driver', ...rest } = options
    const tokenSource = TokenSource.custom(async ({ signal }) => await this.#takeAccess(role, signal))
    return connectTerminal({
      columns: this.#info.columns,
      rows: this.#info.rows,
      ...rest,
      tokenSource,
    })
  }

  /** Asks the server for the present state. */
  async refresh(options: CallOptions = {}): Promise<this> {
    this.#setInfo(await this.#api.get(this.id, options))
    return this
  }

  /** Ends it; fine when it has ended already. `waitUntil('ended')` tells when that is done. */
  async kill(options: CallOptions = {}): Promise<void> {
    this.#setInfo(await this.#api.kill(this.id, options))
  }

  /** Sets the end of its life to `seconds` from now, 5 to 86,400. May shorten. */
  async extend(seconds: number, options: CallOptions = {}): Promise<this> {
    return await this.update({ ...options, lifetimeSeconds: seconds })
  }

  /** Changes its lifetime or replaces its metadata. */
  async update(options: UpdateSessionOptions): Promise<this> {
    this.#setInfo(await this.#api.update(this.id, options))
    return this
  }

  /** Makes a one-time token for its terminal: hand the answer to the browser as it is. */
  async createToken(options: CreateTokenOptions = {}): Promise<TerminalAccess> {
    return await this.#api.createToken(this.id, options)
  }

  /** Opens its recording; see `Sessions.recording`. @throws {CliscaleError} `RECORDING_NOT_FOUND` when it has none */
  async recording(options: CallOptions = {}): Promise<Recording> {
    return await this.#api.recording(this.id, options)
  }

  /** Its history and what follows, until it has ended, `signal` aborts or the loop is left. */
  events(options: EventsOptions = {}): AsyncIterableIterator<SessionEvent> {
    return this.#api.events(this.id, options)
  }

  /**
   * Tells `listener` of phases until the session runs.
   *
   * @internal
   */
  reportPhases(listener: (phase: PhaseReport) => void): void {
    let last: PhaseReport | null = null
    const report = (): void => {
      const { phase } = this.#info
      if (phase !== null && phase !== last) listener(phase)
      last = phase
      if (!isPhase(this.state)) stop()
    }
    const stop = this.#watch({ changed: report, failed: () => undefined })
    report()
  }

  /** Ends the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
    try {
      await this.kill()
    } catch (error) {
      if (!(error instanceof EndedError || error instanceof NotFoundError)) throw error
    }
  }

  async #takeAccess(role: Role, signal: AbortSignal): Promise<TerminalAccess> {
    const access = this.#access
    this.#access = undefined
    const isFresh = access?.role === role && this.#api.http.clock.msUntil(access.expiresAt) > FRESH_MS
    // The terminal itself tries again, and tells why it must.
    return isFresh ? access : await this.createToken({ role, signal, maxRetryMs: 0 })
  }

  #watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    if (this.#following === undefined && !isEnded(this.state)) void this.#follow()
    return () => {
      this.#watchers.delete(watcher)
      if (this.#watchers.size === 0) this.#following?.abort()
    }
  }

  async #follow(): Promise<void> {
    const controller = new AbortController()
    this.#following = controller
    this.#alarm.set(this.#info)
    try {
      for await (const event of this.events({ afterSeq: this.#seq, signal: controller.signal })) {
        this.#seq = event.seq
        this.#setInfo(applyEvent(this.#info, event))
      }
    } catch (error) {
      if (!isCliscaleError(error)) throw error
      if (!controller.signal.aborted) for (const watcher of this.#watchers) watcher.failed(error)
    } finally {
      this.#alarm.clear()
      this.#following = undefined
    }
    // Somebody may have begun to watch while the stream was being ended.
    if (this.#watchers.size > 0 && !isEnded(this.state) && controller.signal.aborted) void this.#follow()
  }

  #setInfo(info: SessionInfo): void {
    const before = this.#info
    this.#info = info
    if (this.#following !== undefined) this.#alarm.set(info)
    if (info.phase !== null && info.phase !== before.phase) this.#emitter.emit('phase', info.phase)
    if (info.state !== before.state) this.#emitter.emit('state', info.state)
    if (info.exit !== null && before.exit === null) this.#emitter.emit('exit', info.exit)
    for (const watcher of this.#watchers) watcher.changed()
  }
}

function outcomeOfWait(info: SessionInfo, state: SessionState): 'arrived' | 'waiting' | CliscaleError {
  if (!isEnded(info.state)) return hasReached(info.state, state) ? 'arrived' : 'waiting'
  if (state === 'ended' || state === 'ending') return 'arrived'
  if (info.failure !== null) return createFailureError(info.failure)
  // A short command may have come and gone between two looks.
  if (info.startedAt !== null || info.endReason === 'exited') return 'arrived'
  return createError(
    'SESSION_ENDED',
    `The session ended (${info.endReason ?? 'unknown'}) before it was ${state}.`,
  )
}

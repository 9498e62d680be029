import type { HttpClient } from './http/http-client.ts'
import type {
  CallOptions,
  CreateSessionOptions,
  CreateTokenOptions,
  EventsOptions,
  ListSessionsOptions,
  UpdateSessionOptions,
} from './options.ts'
import type { SessionEvent, TerminalAccess } from './protocol/index.ts'
import { randomId } from './random-id.ts'
import type { Recording } from './recording.ts'
import { Session } from './session.ts'
import { SessionList } from './session-list.ts'
import { SessionsApi } from './sessions-api.ts'

/** Starts, finds and ends sessions. */
export class Sessions {
  readonly #api: SessionsApi

  /** @internal */
  constructor(http: HttpClient) {
    this.#api = new SessionsApi(http)
  }

  /**
   * Starts a session. Resolves as soon as the server has accepted it; `session.waitUntil('running')` or a terminal
   * tells when it runs. Safe to repeat: each call carries an Idempotency-Key.
   *
   * @example
   * ```ts
   * const session = await cliscale.sessions.create({ command: 'node', args: ['--version'] })
   * ```
   * @throws {CliscaleError} e.g. `VALIDATION_FAILED`, `TEMPLATE_NOT_FOUND`, `QUOTA_EXCEEDED`, `DATABASE_UNAVAILABLE`
   */
  async create(options: CreateSessionOptions = {}): Promise<Session> {
    const { signal, requestTimeoutMs, maxRetryMs, idempotencyKey, onPhase, ...body } = options
    const call = { signal, requestTimeoutMs, maxRetryMs }
    const { session: info, terminal } = await this.#api.create(body, idempotencyKey ?? randomId(), call)
    const session = new Session(this.#api, info, terminal)
    if (onPhase !== undefined) session.reportPhases(onPhase)
    return session
  }

  /** Finds a session. @throws {CliscaleError} `SESSION_NOT_FOUND` */
  async get(id: string, options: CallOptions = {}): Promise<Session> {
    return new Session(this.#api, await this.#api.get(id, options))
  }

  /** Lists sessions, newest first. Nothing is asked until the list is read. */
  list(options: ListSessionsOptions = {}): SessionList {
    return new SessionList(this.#api.http, options, (info) => new Session(this.#api, info))
  }

  /** Ends a session; one that has ended already is fine. @throws {CliscaleError} `SESSION_NOT_FOUND` */
  async kill(id: string, options: CallOptions = {}): Promise<void> {
    await this.#api.kill(id, options)
  }

  /** Sets the end of a session's life to `seconds` from now, 5 to 86,400. May shorten. */
  async extend(id: string, seconds: number, options: CallOptions = {}): Promise<Session> {
    return await this.update(id, { ...options, lifetimeSeconds: seconds })
  }

  /** Changes a session's lifetime or metadata. */
  async update(id: string, options: UpdateSessionOptions): Promise<Session> {
    return new Session(this.#api, await this.#api.update(id, options))
  }

  /** Makes a one-time token for a session's terminal: hand the answer to the browser as it is. */
  async createToken(id: string, options: CreateTokenOptions = {}): Promise<TerminalAccess> {
    return await this.#api.createToken(id, options)
  }

  /**
   * Opens the recording of a session that was created with `recording`, also while the session runs. `signal` ends the
   * reading too; `requestTimeoutMs` is the time until the recording begins to arrive.
   *
   * @example
   * ```ts
   * const { body } = await cliscale.sessions.recording(id)
   * await pipeline(body, createWriteStream('session.cast'))
   * ```
   * @throws {CliscaleError} `RECORDING_NOT_FOUND` (not recorded, or deleted), `SESSION_NOT_FOUND`
   */
  async recording(id: string, options: CallOptions = {}): Promise<Recording> {
    return await this.#api.recording(id, options)
  }

  /** Deletes a session's recording for good; the session itself stays. @throws {CliscaleError} `RECORDING_NOT_FOUND`, `SESSION_NOT_FOUND` */
  async deleteRecording(id: string, options: CallOptions = {}): Promise<void> {
    await this.#api.deleteRecording(id, options)
  }

  /**
   * Follows what happens to all sessions of the project. The stream goes on after lost connections without losing or
   * repeating an event, until `signal` aborts or the loop is left.
   */
  events(options: EventsOptions = {}): AsyncIterableIterator<SessionEvent> {
    return this.#api.events(undefined, options)
  }
}

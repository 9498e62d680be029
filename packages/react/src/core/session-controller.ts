import type { Cliscale, CreateSessionOptions, Session, WaitOptions } from '@cliscale/sdk'
import { type CliscaleError, isCliscaleError } from '@cliscale/sdk/errors'
import type { PhaseReport, SessionExit, SessionInfo, SessionState } from '@cliscale/sdk/protocol'
import { SnapshotStore } from './snapshot-store.ts'

/** What is known of a session. Immutable: a change makes a new one. */
export interface SessionSnapshot {
  /** The session, as soon as the server knows it. */
  readonly session: Session | null
  /**
   * `idle`: nothing was started or named; `loading`: a named one is being asked for; `creating`: one is being asked to
   * start; then the session's own state; `error`: the call failed.
   */
  readonly state: 'idle' | 'loading' | 'creating' | 'error' | SessionState
  /** Everything that the API shows of it. */
  readonly info: SessionInfo | null
  /** What it does while it is not yet running. */
  readonly phase: PhaseReport | null
  /** How it ended. */
  readonly exit: SessionExit | null
  /** Why the last call failed. */
  readonly error: CliscaleError | null
}

/** Before anything is known. */
export const INITIAL_SESSION: SessionSnapshot = {
  session: null,
  state: 'idle',
  info: null,
  phase: null,
  exit: null,
  error: null,
}

/** Follows one session, found by its id or started here. It knows nothing of React. */
export class SessionController {
  readonly store: SnapshotStore<SessionSnapshot> = new SnapshotStore(INITIAL_SESSION)
  #client: Cliscale | null = null
  #id: string | undefined
  #mounted = false
  #releaseTimer: ReturnType<typeof setTimeout> | undefined
  #stopListening: () => void = () => undefined
  /** Counts calls, so that the answer to an old one changes nothing. */
  #call = 0

  /** Begins to follow. @returns what ends it, unless it begins again in this turn */
  readonly mount = (): (() => void) => {
    clearTimeout(this.#releaseTimer)
    if (!this.#mounted) {
      this.#mounted = true
      this.#load()
    }
    return () => {
      this.#releaseTimer = setTimeout(() => this.#release(), 0)
    }
  }

  /** Names the client and, if the session is there already, its id. */
  setSource(client: Cliscale | null, id: string | undefined): void {
    if (client === this.#client && id === this.#id) return
    this.#client = client
    this.#id = id
    if (this.#mounted) this.#load()
  }

  /** Starts a session and follows it instead of the one before, which goes on. */
  async start(options: CreateSessionOptions): Promise<Session> {
    const client = this.#need()
    const call = this.#begin('creating')
    try {
      const session = await client.sessions.create(options)
      if (call === this.#call) this.#follow(session)
      return session
    } catch (error) {
      if (call === this.#call) this.#fail(error)
      throw error
    }
  }

  /** Ends the session; fine when there is none. */
  async end(): Promise<void> {
    await this.store.get().session?.kill()
  }

  /** Waits until the session has come at least as far as `state`. */
  async waitUntil(state: SessionState, options: WaitOptions = {}): Promise<Session> {
    const { session } = this.store.get()
    if (session === null) throw new Error('There is no session to wait for; call start() first.')
    return await session.waitUntil(state, options)
  }

  #load(): void {
    const client = this.#client
    const id = this.#id
    if (id === undefined || client === null) return
    const call = this.#begin('loading')
    client.sessions.get(id).then(
      (session) => {
        if (call === this.#call) this.#follow(session)
      },
      (error: unknown) => {
        if (call === this.#call) this.#fail(error)
      },
    )
  }

  #begin(state: 'loading' | 'creating'): number {
    this.#stopListening()
    this.store.set({ ...INITIAL_SESSION, state })
    this.#call += 1
    return this.#call
  }

  #follow(session: Session): void {
    const changed = (): void => {
      const { info, state, phase, exit } = session
      this.store.set({ session, info, state, phase, exit, error: null })
    }
    const failed = (error: CliscaleError): void => this.store.set({ error })
    session.on('state', changed).on('phase', changed).on('exit', changed).on('error', failed)
    this.#stopListening = () => {
      session.off('state', changed).off('phase', changed).off('exit', changed).off('error', failed)
      this.#stopListening = () => undefined
    }
    changed()
  }

  #fail(error: unknown): void {
    if (!isCliscaleError(error)) throw error
    this.store.set({ state: 'error', error })
  }

  #release(): void {
    this.#mounted = false
    this.#call += 1
    this.#stopListening()
  }

  #need(): Cliscale {
    if (this.#client !== null) return this.#client
    throw new Error('useCliscaleSession needs a client: give <CliscaleProvider> a client or a baseUrl.')
  }
}

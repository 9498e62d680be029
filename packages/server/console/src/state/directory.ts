import { Cliscale, type CreateSessionOptions, isCliscaleError, type Session } from '@cliscale/sdk'
import type { CliscaleError } from '@cliscale/sdk/errors'
import { isPhase, METADATA, type SessionEvent, type SessionInfo } from '@cliscale/sdk/protocol'
import { useSyncExternalStore } from 'react'
import { address } from './address.ts'
import { readableName } from './readable-name.ts'

/** Sessions that are asked for at a time. */
const PAGE = 50

/** The sessions of the signed-in project, as far as they were asked for. */
export interface DirectorySnapshot {
  /** `signed-out`: the server does not know this browser. */
  readonly status: 'loading' | 'ready' | 'signed-out' | 'error'
  /** Newest first. */
  readonly sessions: readonly SessionInfo[]
  readonly hasMore: boolean
  /** Whether changes arrive as they happen; false while the server is away. */
  readonly live: boolean
  readonly error: CliscaleError | null
}

const EMPTY: DirectorySnapshot = {
  status: 'loading',
  sessions: [],
  hasMore: false,
  live: true,
  error: null,
}

/**
 * The list of sessions, kept live by the server's event stream. Whenever that stream opens, the first time and after
 * every interruption, the list is read anew, so nothing that happened in between is missed; nothing is polled.
 */
export class Directory {
  readonly client: Cliscale
  #snapshot = EMPTY
  readonly #listeners = new Set<() => void>()
  readonly #sessions = new Map<string, Session>()
  readonly #infos = new Map<string, SessionInfo>()
  /** Sessions that are being asked for; true when something happened to one meanwhile. */
  readonly #refreshing = new Map<string, boolean>()
  #more: (() => Promise<Session[]>) | undefined
  #stop: AbortController | undefined

  constructor() {
    this.client = new Cliscale({
      baseUrl: address(),
      fetch: (input, init) => this.#fetch(input, init),
      maxRetryMs: 5_000,
    })
  }

  readonly get = (): DirectorySnapshot => this.#snapshot

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Begins to follow the server, if it does not yet. */
  start(): void {
    if (this.#stop !== undefined) return
    this.#stop = new AbortController()
    this.#set({ status: this.#infos.size === 0 ? 'loading' : 'ready', error: null })
    void this.#follow(this.#stop.signal)
  }

  /** The session of the SDK, once it is known. */
  session(id: string): Session | undefined {
    return this.#sessions.get(id)
  }

  /** Finds a session that the list does not reach. @throws {CliscaleError} */
  async find(id: string): Promise<Session> {
    const known = this.#sessions.get(id)
    if (known !== undefined) return known
    const session = await this.client.sessions.get(id)
    this.#keep(session)
    return session
  }

  /** A name that no session which is known here has. */
  suggestName(): string {
    return readableName(new Set(this.#snapshot.sessions.map(({ metadata }) => metadata.name ?? '')))
  }

  /** Starts a session; one without a name gets one that people can read. @throws {CliscaleError} */
  async create(options: CreateSessionOptions): Promise<Session> {
    const given = options.metadata ?? {}
    const full = Object.keys(given).length >= METADATA.maxEntries
    const metadata = full ? given : { name: this.suggestName(), ...given }
    const session = await this.client.sessions.create({ ...options, metadata })
    this.#keep(session)
    return session
  }

  /** Deletes a session's recording; one that is gone already is fine. @throws {CliscaleError} */
  async deleteRecording(id: string): Promise<void> {
    try {
      await this.client.sessions.deleteRecording(id)
    } catch (error) {
      if (!isCliscaleError(error) || error.code !== 'RECORDING_NOT_FOUND') throw error
    }
    await this.refresh(id)
  }

  /** Reads a session anew. What cannot be read stays as it is known. */
  async refresh(id: string): Promise<void> {
    await this.#refresh(id)
  }

  /** Reads the next page. */
  async loadMore(): Promise<void> {
    for (const session of (await this.#more?.()) ?? []) this.#keep(session)
  }

  /** Waits until the first list is there. */
  async ready(): Promise<DirectorySnapshot> {
    while (this.#snapshot.status === 'loading') {
      await new Promise<void>((resolve) => {
        const stop = this.subscribe(() => {
          stop()
          resolve()
        })
      })
    }
    return this.#snapshot
  }

  /** Signs this browser out. */
  async signOut(): Promise<void> {
    await fetch(address('v1/console/logout'), { method: 'POST' })
    this.#signedOut()
  }

  async #follow(signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.client.sessions.events({ signal })) this.#apply(event)
    } catch (error) {
      if (signal.aborted || !isCliscaleError(error)) return
      this.#stop = undefined
      if (error.status === 401 || error.status === 403) this.#signedOut()
      else this.#set({ status: 'error', live: false, error })
    }
  }

  /** Every request passes here, so it is known whether the server is there and when the event stream has opened. */
  async #fetch(input: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> {
    const isStream = typeof input === 'string' && input.endsWith('/v1/events')
    try {
      const response = await fetch(input, init)
      if (isStream) this.#set({ live: response.ok || response.status < 500 })
      if (isStream && response.ok) void this.#reload()
      return response
    } catch (error) {
      // Another request may fail by itself; only the stream, when it opens again, would take the word back.
      if (isStream && init?.signal?.aborted !== true) this.#set({ live: false })
      throw error
    }
  }

  async #reload(): Promise<void> {
    const list = this.client.sessions.list({ limit: PAGE })
    try {
      const sessions = await list.nextPage()
      this.#infos.clear()
      for (const session of sessions) this.#put(session)
      this.#more = () => list.nextPage()
      this.#set({ status: 'ready', hasMore: list.hasNextPage, error: null, sessions: this.#sorted() })
    } catch (error) {
      if (!isCliscaleError(error)) throw error
      if (error.status === 401) this.#signedOut()
      else this.#set({ status: this.#infos.size > 0 ? 'ready' : 'error', error })
    }
  }

  #apply(event: SessionEvent): void {
    const known = this.#infos.get(event.sessionId)
    if (event.type !== 'phase') {
      void this.#refresh(event.sessionId)
      return
    }
    // Progress comes many times a second; it needs no question back.
    if (known === undefined || !isPhase(known.state)) return
    this.#infos.set(known.id, { ...known, state: event.state, phase: event.phase })
    this.#set({ sessions: this.#sorted() })
  }

  async #refresh(id: string): Promise<void> {
    if (this.#refreshing.has(id)) {
      this.#refreshing.set(id, true)
      return
    }
    try {
      do {
        this.#refreshing.set(id, false)
        this.#keep(await this.client.sessions.get(id))
      } while (this.#refreshing.get(id) === true)
    } catch (error) {
      if (!isCliscaleError(error)) throw error
      // It is another one's, or pruned, or the server is away; then the list is read again when it is back.
    } finally {
      this.#refreshing.delete(id)
    }
  }

  #keep(session: Session): void {
    this.#put(session)
    this.#set({ sessions: this.#sorted() })
  }

  /** The first object of a session stays: a terminal may be open on it. */
  #put(session: Session): void {
    if (!this.#sessions.has(session.id)) this.#sessions.set(session.id, session)
    this.#infos.set(session.id, session.info)
  }

  #sorted(): SessionInfo[] {
    return [...this.#infos.values()].toSorted((one, other) => other.createdAt.localeCompare(one.createdAt))
  }

  #signedOut(): void {
    this.#stop?.abort()
    this.#stop = undefined
    this.#sessions.clear()
    this.#infos.clear()
    this.#set({ ...EMPTY, status: 'signed-out' })
  }

  #set(patch: Partial<DirectorySnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...patch }
    for (const listener of this.#listeners) listener()
  }
}

/** The directory's present snapshot. */
export function useDirectory(directory: Directory): DirectorySnapshot {
  return useSyncExternalStore(directory.subscribe, directory.get)
}

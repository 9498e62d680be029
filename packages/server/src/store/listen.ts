import type { Client, QueryConfig } from 'pg'
import { DEFAULT_SCHEMA } from '../config/db-schema.ts'
import type { Log } from '../observability/log.ts'
import { ACCESS_PREFIX, channelOf } from './channel.ts'
import { newClient } from './connection.ts'

/** Called with the session that has something new; null when notifications may have been missed: read again. */
export type EventListener = (sessionId: string | null) => void

/** Called with the API key or sign-in that may be over; null when notifications may have been missed. */
export type AccessListener = (accessId: string | null) => void

/** Wakes those who wait for a session's events, or for the end of an access. Notifications are hints: subscribe first, then read the tables. */
export interface EventHints {
  /** Calls `listener` for one session, or for all with `'*'`, until the returned function is called. */
  subscribe(sessionId: string, listener: EventListener): () => void
  /** Calls `listener` when an API key or sign-in may be over, until the returned function is called. */
  subscribeToAccesses(listener: AccessListener): () => void
  /** Resolves when the first connection listens. */
  readonly ready: Promise<void>
  /** Null while it listens, else one sentence. Fits the health registry. */
  check(): string | null
  /** Stops. Safe to call twice. */
  close(): Promise<void>
}

/** Settings of {@link listenForEvents}. */
export interface EventHintsOptions {
  readonly connectionString: string
  /** Whose events. Default {@link DEFAULT_SCHEMA}. */
  readonly schema?: string
  readonly log?: Log
  /** First and longest pause between attempts to connect; each pause is random up to the present bound. */
  readonly backoffMs?: { readonly first: number; readonly longest: number }
  /** How often a quiet connection is tried. Default 20,000. */
  readonly probeEveryMs?: number
}

/** After a reconnect at most this many subscribers are woken per {@link WAKE_EVERY_MS}, so the pool is not flooded. */
const WAKE_BATCH = 250
const WAKE_EVERY_MS = 20

/** Opens the process's one LISTEN connection and keeps it open. */
export function listenForEvents(options: EventHintsOptions): EventHints {
  return new ListenConnection(options)
}

class ListenConnection implements EventHints {
  readonly ready: Promise<void>
  readonly #options: EventHintsOptions
  readonly #bySession = new Map<string, Set<EventListener>>()
  readonly #ofAccesses = new Set<AccessListener>()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #listening = false
  #markReady: () => void = () => undefined

  constructor(options: EventHintsOptions) {
    this.#options = options
    this.ready = new Promise((resolve) => {
      this.#markReady = resolve
    })
    this.#running = this.#run()
  }

  subscribe(sessionId: string, listener: EventListener): () => void {
    const listeners = this.#bySession.get(sessionId)
    if (listeners) listeners.add(listener)
    else this.#bySession.set(sessionId, new Set([listener]))
    return () => {
      const present = this.#bySession.get(sessionId)
      if (present?.delete(listener) && present.size === 0) this.#bySession.delete(sessionId)
    }
  }

  subscribeToAccesses(listener: AccessListener): () => void {
    this.#ofAccesses.add(listener)
    return () => this.#ofAccesses.delete(listener)
  }

  check(): string | null {
    return this.#listening ? null : 'The connection that listens for events is being made again.'
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { first, longest } = this.#options.backoffMs ?? { first: 50, longest: 5_000 }
    let bound = first
    while (!this.#stop.signal.aborted) {
      const listened = await this.#listenOnce()
      bound = listened ? first : Math.min(bound * 2, longest)
      if (!this.#stop.signal.aborted) await pause(Math.random() * bound, this.#stop.signal)
    }
  }

  /** Connects, listens, and resolves when the connection is over: true when it had listened. */
  async #listenOnce(): Promise<boolean> {
    const { connectionString, schema = DEFAULT_SCHEMA } = this.#options
    const applicationName = `cliscale-listen ${process.pid} of ${schema}`
    const client = newClient({ connectionString, schema, applicationName })
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const onAbort = (): void => resolve()
    client.on('error', (error) => {
      this.#options.log?.warn({ err: error }, 'the connection that listens for events was lost')
      resolve()
    })
    client.on('end', resolve)
    this.#stop.signal.addEventListener('abort', onAbort)
    client.on('notification', (notification) => this.#wake(notification.payload ?? ''))
    let probe: NodeJS.Timeout | undefined
    try {
      await client.connect()
      await client.query(`LISTEN ${client.escapeIdentifier(channelOf(schema))}`)
      this.#started()
      probe = this.#probe(client)
      await over
      return true
    } catch (error) {
      this.#options.log?.warn({ err: error }, 'cannot listen for events; trying again')
      return false
    } finally {
      clearInterval(probe)
      this.#listening = false
      this.#stop.signal.removeEventListener('abort', onAbort)
      await end(client)
    }
  }

  #started(): void {
    this.#listening = true
    this.#markReady()
    void this.#wakeAll()
  }

  /** A connection whose other end is gone without a word is found out by asking. */
  #probe(client: Client): NodeJS.Timeout {
    const every = this.#options.probeEveryMs ?? 20_000
    return setInterval(() => {
      const query: QueryConfig & { query_timeout: number } = { text: 'SELECT 1', query_timeout: every / 2 }
      client.query(query).catch((error: unknown) => client.emit('error', error))
    }, every).unref()
  }

  #wake(what: string): void {
    if (!what.startsWith(ACCESS_PREFIX)) return this.#wakeSession(what)
    const accessId = what.slice(ACCESS_PREFIX.length)
    for (const listener of this.#ofAccesses) this.#call(listener, accessId)
  }

  #wakeSession(sessionId: string): void {
    for (const listener of this.#bySession.get(sessionId) ?? []) this.#call(listener, sessionId)
    for (const listener of this.#bySession.get('*') ?? []) this.#call(listener, sessionId)
  }

  async #wakeAll(): Promise<void> {
    for (const listener of this.#ofAccesses) this.#call(listener, null)
    // A copy: a listener that subscribes again while it is called must not be met a second time.
    const present = [...this.#bySession.values()].flatMap((listeners) =>
      [...listeners].map((listener) => ({ listeners, listener })),
    )
    for (const [index, { listeners, listener }] of present.entries()) {
      if (listeners.has(listener)) this.#call(listener, null)
      if (index % WAKE_BATCH === WAKE_BATCH - 1) await pause(WAKE_EVERY_MS, this.#stop.signal)
    }
  }

  #call(listener: EventListener | AccessListener, id: string | null): void {
    try {
      listener(id)
    } catch (error) {
      this.#options.log?.error({ err: error }, 'a listener for events failed')
    }
  }
}

/** Closes without waiting for a server that does not answer. */
async function end(client: Client): Promise<void> {
  const timer = setTimeout(() => socketOf(client)?.destroy(), 1_000)
  await client.end().catch(() => socketOf(client)?.destroy())
  clearTimeout(timer)
}

function socketOf(client: Client): { destroy(): void } | undefined {
  return (client as unknown as { connection?: { stream?: { destroy(): void } } }).connection?.stream
}

/** Resolves after `ms`, or at once when aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal.aborted) done()
    else signal.addEventListener('abort', done)
  })
}

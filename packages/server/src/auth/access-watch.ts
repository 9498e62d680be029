import type { Log } from '../observability/log.ts'
import { LONGEST_TIMER_MS } from './limits.ts'

/** Whether accesses are still good. */
export interface AccessStore {
  /** Those of the given ids that are valid, with the milliseconds that each has left; null: no end is set. */
  valid(ids: readonly string[]): Promise<ReadonlyMap<string, number | null>>
}

/** Says that an access may be over. */
export interface AccessHints {
  /** Calls `listener` with the access, or with null when calls may have been missed, until the returned function is called. */
  subscribeToAccesses(listener: (accessId: string | null) => void): () => void
}

/** What an {@link AccessWatch} needs. */
export interface AccessWatchOptions<Holder> {
  readonly store: AccessStore
  readonly hints: AccessHints
  /** The access of this one is over. It is forgotten by then. */
  readonly over: (holder: Holder) => void
  readonly log: Log
}

interface Access<Holder> {
  readonly holders: Set<Holder>
  /** Milliseconds of the process's clock at which it is over; Infinity while no end is known. */
  endsAt: number
  timer: NodeJS.Timeout | undefined
}

/** A database that is away is asked again after pauses from the first to the longest. */
const ASK_AGAIN_MS = { first: 100, longest: 1_000 } as const

/**
 * Watches over what is open by the access through which it was opened: the API key or console sign-in whose id requests,
 * tokens and connections carry. When one is revoked, signed out or over its time, everything that holds it here is told.
 *
 * The rows decide; notifications and timers only say when to read them. An access is read when its first holder comes,
 * so that one that ended between a check and this call is found out too.
 */
export class AccessWatch<Holder> {
  readonly #options: AccessWatchOptions<Holder>
  readonly #accesses = new Map<string, Access<Holder>>()
  readonly #unsubscribe: () => void
  #doubted = new Set<string>()
  #reading = false
  #again: NodeJS.Timeout | undefined
  #againMs: number = ASK_AGAIN_MS.first
  #closed = false

  constructor(options: AccessWatchOptions<Holder>) {
    this.#options = options
    this.#unsubscribe = options.hints.subscribeToAccesses((id) => this.#hinted(id))
  }

  /** Something was opened through an access. Null is an access that is not kept here and whose end nobody tells. */
  hold(accessId: string | null, holder: Holder): void {
    if (accessId === null || this.#closed) return
    const known = this.#accesses.get(accessId)
    if (known !== undefined) {
      known.holders.add(holder)
      return
    }
    this.#accesses.set(accessId, { holders: new Set([holder]), endsAt: Infinity, timer: undefined })
    this.#doubt(accessId)
  }

  /** It is closed. Safe to call twice. */
  release(accessId: string | null, holder: Holder): void {
    const access = accessId === null ? undefined : this.#accesses.get(accessId)
    if (accessId === null || access === undefined) return
    access.holders.delete(holder)
    if (access.holders.size > 0) return
    clearTimeout(access.timer)
    this.#accesses.delete(accessId)
  }

  /** Watches no more; what is open stays. */
  close(): void {
    this.#closed = true
    this.#unsubscribe()
    clearTimeout(this.#again)
    for (const { timer } of this.#accesses.values()) clearTimeout(timer)
    this.#accesses.clear()
  }

  #hinted(accessId: string | null): void {
    if (accessId !== null) return this.#doubt(accessId)
    for (const id of this.#accesses.keys()) this.#doubt(id)
  }

  #doubt(accessId: string): void {
    if (!this.#accesses.has(accessId)) return
    this.#doubted.add(accessId)
    if (!this.#reading) void this.#read()
  }

  /** Reads until nothing is in doubt, or the database is away. */
  async #read(): Promise<void> {
    this.#reading = true
    clearTimeout(this.#again)
    while (this.#doubted.size > 0) {
      const asked = [...this.#doubted].filter((id) => this.#accesses.has(id))
      this.#doubted = new Set()
      try {
        this.#judge(asked, asked.length === 0 ? new Map() : await this.#options.store.valid(asked))
        this.#againMs = ASK_AGAIN_MS.first
      } catch (error) {
        this.#unknown(asked, error)
        break
      }
    }
    this.#reading = false
  }

  #judge(asked: readonly string[], valid: ReadonlyMap<string, number | null>): void {
    for (const id of asked) {
      const leftMs = valid.get(id)
      if (leftMs === undefined) this.#end(id)
      else this.#endIn(id, leftMs ?? Infinity)
    }
  }

  /** What is known to be over ends also while nobody can be asked; the rest is asked about again. */
  #unknown(asked: readonly string[], error: unknown): void {
    if (this.#closed) return
    this.#options.log.warn({ err: error }, 'It could not be read whether an access still holds; trying again')
    for (const id of asked) {
      if ((this.#accesses.get(id)?.endsAt ?? Infinity) <= performance.now()) this.#end(id)
      else this.#doubted.add(id)
    }
    this.#again = setTimeout(() => void this.#read(), this.#againMs).unref()
    this.#againMs = Math.min(this.#againMs * 2, ASK_AGAIN_MS.longest)
  }

  #endIn(id: string, ms: number): void {
    const access = this.#accesses.get(id)
    if (access === undefined) return
    clearTimeout(access.timer)
    access.endsAt = performance.now() + ms
    if (ms === Infinity) return
    access.timer = setTimeout(() => this.#doubt(id), Math.min(ms, LONGEST_TIMER_MS)).unref()
  }

  #end(id: string): void {
    const access = this.#accesses.get(id)
    if (access === undefined) return
    clearTimeout(access.timer)
    this.#accesses.delete(id)
    this.#options.log.info(
      { accessId: id, open: access.holders.size },
      'An access is over: closing what it opened',
    )
    for (const holder of access.holders) this.#options.over(holder)
  }
}

import type { Client } from './client.ts'

/** How long the seat waits for a holder whose connection broke, when a client that was there without it joins again. */
export const KEEP_MS = 15_000

/**
 * Who types and owns the size. The first client that may drive takes the seat; later ones join without it and get it by
 * asking. A holder whose connection broke finds the seat kept: after a restart of a gateway all clients come back in
 * any order, and must not change places. A client that is new takes a seat that nobody sits on, so that a reloaded page
 * types at once. When the holder left for good, the only one left that may drive gets the seat without asking.
 */
export class Seat {
  #holder: Client | undefined
  #keptFor = ''
  #keptUntil = 0
  readonly #known = new Set<string>()

  /** The client that drives now. */
  get holder(): Client | undefined {
    return this.#holder
  }

  /** A client joins. True when it took the seat. */
  join(client: Client): boolean {
    const known = this.#known.has(client.id)
    this.#remember(client.id)
    if (client.role !== 'driver' || this.#holder !== undefined) return false
    const kept = this.#keptFor !== client.id && performance.now() < this.#keptUntil
    if (kept && known) return false
    this.take(client)
    return true
  }

  /** A client takes the seat, whoever sits there. */
  take(client: Client): void {
    this.#holder = client
    this.#keptFor = client.id
  }

  /** A client leaves. `broken`: it may come back, so the seat is kept for it. True when it held the seat. */
  leave(client: Client, broken: boolean): boolean {
    if (this.#holder !== client) return false
    this.#holder = undefined
    this.#keptUntil = broken ? performance.now() + KEEP_MS : 0
    return true
  }

  /** Remembers the last few clients; more than may be attached need not be. */
  #remember(id: string): void {
    this.#known.delete(id)
    this.#known.add(id)
    for (const oldest of this.#known) {
      if (this.#known.size <= 256) return
      this.#known.delete(oldest)
    }
  }
}

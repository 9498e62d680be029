import { INPUT_ACK_EVERY_BYTES, INPUT_ACK_EVERY_MS } from '@cliscale/sdk/protocol'

/** Clients whose input offsets are remembered; the one that was silent for longest is forgotten first. */
const MAX_CLIENTS = 1_024

interface Entry {
  /** Bytes taken from the client. */
  received: number
  /** Bytes that have reached the PTY, or were dropped because the client may not type. */
  done: number
  acknowledged: number
  timer: NodeJS.Timeout | undefined
}

/**
 * How much input came from each client, so that over reconnects each byte is written exactly once: a client resends from
 * the offset that it is told, and what was received before still gets written.
 */
export class InputLedger {
  readonly #entries = new Map<string, Entry>()
  readonly #acknowledge: (client: string, offset: number) => void

  /** @param acknowledge tells a client that its input is done up to an offset */
  constructor(acknowledge: (client: string, offset: number) => void) {
    this.#acknowledge = acknowledge
  }

  /**
   * Offset from which `client` must send. A client that is not known, because this runner is another or has forgotten
   * it, goes on from its own unacknowledged byte.
   */
  open(client: string, unacknowledged: number): number {
    const known = this.#entries.get(client)
    const entry = known ?? {
      received: unacknowledged,
      done: unacknowledged,
      acknowledged: 0,
      timer: undefined,
    }
    this.#entries.delete(client)
    this.#entries.set(client, entry)
    this.#forgetOldest()
    entry.acknowledged = entry.received
    return entry.received
  }

  /** Notes input; call the returned function when it has reached the PTY. */
  receive(client: string, bytes: number): () => void {
    const entry = this.#entries.get(client)
    if (entry === undefined) return () => {}
    entry.received += bytes
    return () => {
      entry.done += bytes
      if (entry.done - entry.acknowledged >= INPUT_ACK_EVERY_BYTES) this.#send(client, entry)
      else entry.timer ??= setTimeout(() => this.#send(client, entry), INPUT_ACK_EVERY_MS)
    }
  }

  /** Acknowledges now what a client's input is done up to: something else is about to be sent to it anyway. */
  flush(client: string): void {
    const entry = this.#entries.get(client)
    if (entry?.timer !== undefined) this.#send(client, entry)
  }

  /** Ends all timers. */
  close(): void {
    for (const entry of this.#entries.values()) clearTimeout(entry.timer)
    this.#entries.clear()
  }

  #send(client: string, entry: Entry): void {
    clearTimeout(entry.timer)
    entry.timer = undefined
    if (entry.done <= entry.acknowledged) return
    entry.acknowledged = entry.done
    this.#acknowledge(client, entry.done)
  }

  #forgetOldest(): void {
    for (const [client, entry] of this.#entries) {
      if (this.#entries.size <= MAX_CLIENTS) return
      clearTimeout(entry.timer)
      this.#entries.delete(client)
    }
  }
}

import { createError } from '../create-error.ts'
import { type Deferred, deferred } from '../deadline.ts'
import type { CliscaleError } from '../errors.ts'
import { MAX_CLIENT_FRAME_BYTES, MAX_UNACKED_INPUT_BYTES } from '../protocol/index.ts'

/** Input that waits for room, at most, before `write()` refuses more. */
export const MAX_WAITING_INPUT_BYTES = 1_048_576

const MAX_INPUT_PER_FRAME = MAX_CLIENT_FRAME_BYTES - 1

interface WaitingWrite {
  data: Uint8Array
  readonly accepted: Deferred<void>
}

/**
 * Input on its way to the session. Bytes are kept until the runner acknowledged them, so that after a reconnect exactly
 * those that did not arrive are sent again.
 *
 * ```
 *  acked            sent              accepted            waiting writes
 *  ├── in flight ───┼── not yet sent ──┼── accepted when room comes ──→
 *  └────── at most 64 KiB are kept ────┘
 * ```
 */
export class InputQueue {
  #acked = 0
  #sent = 0
  /** Accepted chunks, oldest first; the first one begins at `#acked`. */
  #kept: Uint8Array[] = []
  #keptBytes = 0
  #waiting: WaitingWrite[] = []
  #waitingBytes = 0
  readonly #send: (data: Uint8Array) => void
  #open = false

  /** `send` puts one input message on the wire. */
  constructor(send: (data: Uint8Array) => void) {
    this.#send = send
  }

  /** Offset of the first byte that is not acknowledged. */
  get acked(): number {
    return this.#acked
  }

  /** True while sent bytes wait for their acknowledgement. */
  get inFlight(): boolean {
    return this.#sent > this.#acked
  }

  /** Takes input. Settles when all of it is accepted within the bound of unacknowledged bytes. */
  write(data: Uint8Array): Promise<void> {
    if (this.#waitingBytes >= MAX_WAITING_INPUT_BYTES) return Promise.reject(createError('INPUT_OVERFLOW'))
    if (data.length === 0) return Promise.resolve()
    const accepted = deferred<void>()
    this.#waiting.push({ data, accepted })
    this.#waitingBytes += data.length
    this.#accept()
    return accepted.promise
  }

  /**
   * A connection is ready: the runner has everything before `offset`. Sends the rest again.
   *
   * @returns false when `offset` is none that this client can go on from
   */
  open(offset: number): boolean {
    if (offset < this.#acked || offset > this.#sent) return false
    this.#drop(offset)
    this.#sent = offset
    this.#open = true
    this.#flush()
    this.#accept()
    return true
  }

  /** The connection is gone: what comes now is kept until the next `open`. */
  close(): void {
    this.#open = false
  }

  /** The runner has everything before `offset`. @returns false when it cannot have. */
  acknowledge(offset: number): boolean {
    if (offset > this.#sent) return false
    this.#drop(offset)
    this.#accept()
    return true
  }

  /**
   * Starts over at `offset`, without what is kept: another life of the runner, or another client types.
   *
   * @returns whether bytes were dropped
   */
  restart(offset: number): boolean {
    const dropped = this.#keptBytes > 0
    this.#kept = []
    this.#keptBytes = 0
    this.#acked = offset
    this.#sent = offset
    this.#open = true
    this.#accept()
    return dropped
  }

  /** Refuses all that waits. */
  fail(error: CliscaleError): void {
    this.#open = false
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    for (const { accepted } of waiting) accepted.reject(error)
  }

  #accept(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const room = MAX_UNACKED_INPUT_BYTES - this.#keptBytes
      if (room <= 0) return
      const taken = first.data.subarray(0, room)
      // A copy: the caller may reuse its buffer once the promise settled.
      this.#kept.push(taken.slice())
      this.#keptBytes += taken.length
      this.#waitingBytes -= taken.length
      this.#flush()
      if (taken.length < first.data.length) {
        first.data = first.data.subarray(taken.length)
        continue
      }
      this.#waiting.shift()
      first.accepted.resolve()
    }
  }

  #flush(): void {
    if (!this.#open) return
    let offset = this.#acked
    for (const chunk of this.#kept) {
      const from = Math.max(0, this.#sent - offset)
      for (let at = from; at < chunk.length; at += MAX_INPUT_PER_FRAME) {
        const part = chunk.subarray(at, at + MAX_INPUT_PER_FRAME)
        this.#sent += part.length
        this.#send(part)
      }
      offset += chunk.length
    }
  }

  #drop(offset: number): void {
    while (this.#acked < offset) {
      const first = this.#kept[0]
      if (first === undefined) return
      const taken = Math.min(first.length, offset - this.#acked)
      if (taken === first.length) this.#kept.shift()
      else this.#kept[0] = first.subarray(taken)
      this.#acked += taken
      this.#keptBytes -= taken
    }
  }
}

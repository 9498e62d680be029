import {
  CREDIT_AT_REST_MS,
  CREDIT_EVERY_BYTES,
  CREDIT_EVERY_MS,
  CREDIT_LEAST_BYTES,
  type ReadyMessage,
} from '../protocol/index.ts'

/** A piece of output on its way through its readers. */
export interface OutputChunk {
  readonly data: Uint8Array
  /** It repeats the past: answers to terminal queries in it must not be sent. */
  readonly replay: boolean
  /** Every reader is done with it. */
  readonly settle: () => void
}

interface Entry {
  readonly bytes: number
  readonly replay: boolean
  /** Output offset behind it. */
  readonly end: number
  done: boolean
  next: Entry | undefined
}

/**
 * Counts output in and, once it is parsed, out. Credit is cumulative and follows what is parsed in order, never what
 * arrived: a terminal that is slower than the program slows the program instead of filling memory.
 */
export class OutputLedger {
  #epoch: string | undefined
  #received = 0
  #parsed = 0
  #credited = 0
  #replayLeft = 0
  #unparsedReplay = 0
  #unparsedBytes = 0
  #first: Entry | undefined
  #last: Entry | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** The timer is set for {@link CREDIT_EVERY_MS}. */
  #soon = false
  readonly #sendCredit: (offset: number) => void

  /** `sendCredit` reports parsed output to the runner. */
  constructor(sendCredit: (offset: number) => void) {
    this.#sendCredit = sendCredit
  }

  /** Where to go on after a reconnect; undefined before the first `ready`. */
  get resumePoint(): { readonly epoch: string; readonly offset: number } | undefined {
    return this.#epoch === undefined ? undefined : { epoch: this.#epoch, offset: this.#received }
  }

  /** Offset behind the last byte that every reader is done with. */
  get parsed(): number {
    return this.#parsed
  }

  /** True until the last repeated byte is parsed. */
  get replaying(): boolean {
    return this.#replayLeft > 0 || this.#unparsedReplay > 0
  }

  /** Bytes that arrived and are not parsed. */
  get unparsedBytes(): number {
    return this.#unparsedBytes
  }

  /** Takes a `ready`. @returns false when a `delta` does not begin where this client stopped. */
  begin(ready: ReadyMessage): boolean {
    const known = ready.epoch === this.#epoch
    if (ready.mode === 'delta' && !(known && ready.offset === this.#received)) return false
    if (!known) this.#forget()
    this.#epoch = ready.epoch
    this.#received = ready.offset
    this.#credited = ready.offset
    this.#replayLeft = ready.replayBytes
    if (this.#first === undefined) this.#parsed = ready.offset
    return true
  }

  /** Books bytes that arrived; `counted` is false for a snapshot. Splits them where the replay ends. */
  take(data: Uint8Array, counted: boolean): OutputChunk[] {
    const repeated = Math.min(this.#replayLeft, data.length)
    this.#replayLeft -= repeated
    if (repeated === 0 || repeated === data.length) return [this.#book(data, repeated > 0, counted)]
    return [
      this.#book(data.subarray(0, repeated), true, counted),
      this.#book(data.subarray(repeated), false, counted),
    ]
  }

  /** Stops the clock. What is parsed later is credited after the next `begin`. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #book(data: Uint8Array, replay: boolean, counted: boolean): OutputChunk {
    if (counted) this.#received += data.length
    if (replay) this.#unparsedReplay += data.length
    this.#unparsedBytes += data.length
    const entry: Entry = { bytes: data.length, replay, end: this.#received, done: false, next: undefined }
    if (this.#last === undefined) this.#first = entry
    else this.#last.next = entry
    this.#last = entry
    return { data, replay, settle: () => this.#settle(entry) }
  }

  #settle(entry: Entry): void {
    if (entry.done) return
    entry.done = true
    for (let first = this.#first; first?.done === true; first = first.next) {
      this.#first = first.next
      if (this.#first === undefined) this.#last = undefined
      this.#parsed = first.end
      this.#unparsedBytes -= first.bytes
      if (first.replay) this.#unparsedReplay -= first.bytes
    }
    const due = this.#parsed - this.#credited
    if (due >= CREDIT_EVERY_BYTES) this.#credit()
    else if (due > 0) this.#creditWithin(due >= CREDIT_LEAST_BYTES)
  }

  #creditWithin(soon: boolean): void {
    if (this.#timer !== undefined && (this.#soon || !soon)) return
    clearTimeout(this.#timer)
    this.#soon = soon
    this.#timer = setTimeout(() => this.#credit(), soon ? CREDIT_EVERY_MS : CREDIT_AT_REST_MS)
  }

  #credit(): void {
    this.stop()
    if (this.#parsed <= this.#credited) return
    this.#credited = this.#parsed
    this.#sendCredit(this.#parsed)
  }

  #forget(): void {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) entry.done = true
    this.#first = undefined
    this.#last = undefined
    this.#unparsedBytes = 0
    this.#unparsedReplay = 0
    this.#parsed = 0
  }
}

import { createError } from '../create-error.ts'
import { type Deferred, deferred } from '../deadline.ts'
import type { CliscaleError } from '../errors.ts'
import { toUtf8 } from '../protocol/text.ts'
import type { OutputReset, TerminalSink } from './output-hub.ts'

/** RIS, "reset to initial state" (ECMA-48 8.3.105): what a snapshot must be drawn on. */
const RESET_SEQUENCE = toUtf8('\u001Bc')

interface QueuedChunk {
  readonly data: Uint8Array
  readonly taken: Deferred<void>
}

/** What to do when bytes of the output are gone. */
export type GapHandling =
  /** Go on with a terminal reset and a snapshot of the screen: right for showing. */
  | 'snapshot'
  /** End with an error: right for collecting. */
  | 'fail'

/**
 * Output as an async iterator. A chunk counts as parsed when the next one is asked for, so a reader that stops
 * stops the program.
 */
export class OutputReader implements TerminalSink, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #gaps: GapHandling
  #queue: QueuedChunk[] = []
  #current: QueuedChunk | undefined
  #waiting: Deferred<IteratorResult<Uint8Array, undefined>> | undefined
  #ended: { readonly error: CliscaleError | undefined } | undefined
  #detach: () => void = () => undefined

  constructor(gaps: GapHandling) {
    this.#gaps = gaps
  }

  /** Tells the reader how to leave its source. */
  onDetach(detach: () => void): void {
    this.#detach = detach
    if (this.#ended !== undefined) detach()
  }

  write(data: Uint8Array): PromiseLike<void> {
    const chunk = { data, taken: deferred<void>() }
    if (this.#ended !== undefined) return Promise.resolve()
    if (this.#waiting === undefined) {
      this.#queue.push(chunk)
      return chunk.taken.promise
    }
    this.#current = chunk
    this.#waiting.resolve({ done: false, value: data })
    this.#waiting = undefined
    return chunk.taken.promise
  }

  reset({ offset }: OutputReset): void {
    if (this.#gaps === 'snapshot') {
      void this.write(RESET_SEQUENCE)
      return
    }
    const message = `Output before byte ${offset} is gone: more of it came than the session keeps for a reader that is away.`
    this.end(createError('CONNECTION_LOST', message, { retryable: false }))
  }

  /** The session ended and took output with it that was not read. */
  lose(): void {
    if (this.#gaps === 'snapshot') return
    const message = 'The session ended before all of its output was read; the rest is gone.'
    this.end(createError('CONNECTION_LOST', message, { retryable: false }))
  }

  /** The session failed, or its command never ran: what was collected is not the command's output. */
  fail(error: CliscaleError): void {
    if (this.#gaps === 'fail') this.end(error)
  }

  /** No more output follows, because of `error` or because the session ended. Who only shows is content with a close. */
  end(reason: CliscaleError | undefined): void {
    if (this.#ended !== undefined) return
    const error = this.#gaps === 'snapshot' && reason?.code === 'CLOSED' ? undefined : reason
    this.#ended = { error }
    if (this.#waiting !== undefined && this.#queue.length === 0) {
      if (error === undefined) this.#waiting.resolve({ done: true, value: undefined })
      else this.#waiting.reject(error)
      this.#waiting = undefined
    }
    this.#detach()
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#current?.taken.resolve()
    this.#current = this.#queue.shift()
    if (this.#current !== undefined) return Promise.resolve({ done: false, value: this.#current.data })
    if (this.#ended?.error !== undefined) return Promise.reject(this.#ended.error)
    if (this.#ended !== undefined) return Promise.resolve({ done: true, value: undefined })
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#current?.taken.resolve()
    for (const { taken } of this.#queue) taken.resolve()
    this.#queue = []
    this.end(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}

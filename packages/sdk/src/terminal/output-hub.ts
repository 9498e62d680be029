import { CREDIT_WINDOW_BYTES } from '../protocol/index.ts'
import type { OutputChunk } from './output-ledger.ts'

/** What is said about a piece of output. */
export interface OutputInfo {
  /** It repeats the past (a replay or a snapshot): answers to terminal queries in it must not be sent. */
  readonly replay: boolean
}

/** Why the output begins anew. */
export interface OutputReset {
  /** Output bytes up to this offset are gone; the snapshot that follows stands for them. */
  readonly offset: number
}

/**
 * Reads a terminal's output with backpressure: credit goes back to the session when `write` is done with the bytes, so
 * a slow sink slows the program and never fills memory.
 */
export interface TerminalSink {
  /**
   * Takes output, in order. It is called again before the promise of an earlier call settled; at most 256 KiB are
   * outstanding. A promise that rejects counts as done and is reported as `error`.
   */
  write(data: Uint8Array, info: OutputInfo): void | PromiseLike<void>
  /** A screen snapshot follows: forget what was written before. Called in order with `write`. */
  reset?(reset: OutputReset): void
}

/** Where a hub reports to. */
export interface OutputHubHost {
  /** Whether anybody listens to `data`. */
  hasListeners(): boolean
  emitData(data: Uint8Array, info: OutputInfo): void
  emitReset(reset: OutputReset): void
  sinkFailed(error: unknown): void
}

interface Consumer {
  readonly sink: TerminalSink
  /** Releases of chunks that it is not done with. */
  readonly pending: Set<() => void>
}

type Item = { readonly chunk: OutputChunk } | { readonly reset: OutputReset }

/**
 * Hands output to its readers. Until there is the first one it is held, up to the credit window; beyond that it is
 * dropped, because a program must not stand still for a terminal that nobody reads.
 */
export class OutputHub {
  readonly #host: OutputHubHost
  readonly #consumers = new Set<Consumer>()
  #held: Item[] = []
  #heldBytes = 0
  #droppedBytes = 0

  constructor(host: OutputHubHost) {
    this.#host = host
  }

  /** Bytes that came while nobody read and were dropped. */
  get droppedBytes(): number {
    return this.#droppedBytes
  }

  /** Adds a reader. @returns a function that removes it and counts what it has not finished as done */
  add(sink: TerminalSink): () => void {
    const consumer: Consumer = { sink, pending: new Set() }
    this.#consumers.add(consumer)
    this.release()
    return () => {
      this.#consumers.delete(consumer)
      for (const finish of consumer.pending) finish()
      consumer.pending.clear()
    }
  }

  /** Hands out what was held, if somebody reads by now. */
  release(): void {
    if (!this.#isRead()) return
    const held = this.#held
    this.#held = []
    this.#heldBytes = 0
    for (const item of held) this.#pass(item)
  }

  /** Hands out a chunk. */
  deliver(chunk: OutputChunk): void {
    if (this.#isRead()) {
      this.#pass({ chunk })
      return
    }
    if (this.#heldBytes + chunk.data.length > CREDIT_WINDOW_BYTES) this.#drop()
    this.#held.push({ chunk })
    this.#heldBytes += chunk.data.length
  }

  /** Announces a snapshot. */
  reset(reset: OutputReset): void {
    if (this.#isRead()) this.#pass({ reset })
    else this.#held.push({ reset })
  }

  #isRead(): boolean {
    return this.#consumers.size > 0 || this.#host.hasListeners()
  }

  #drop(): void {
    for (const item of this.#held) if ('chunk' in item) item.chunk.settle()
    this.#droppedBytes += this.#heldBytes
    this.#held = []
    this.#heldBytes = 0
  }

  #pass(item: Item): void {
    if ('reset' in item) {
      this.#host.emitReset(item.reset)
      for (const { sink } of this.#consumers) this.#guard(() => sink.reset?.(item.reset))
      return
    }
    const { data, replay, settle } = item.chunk
    const info = { replay }
    let unfinished = 1
    const finish = (): void => {
      unfinished -= 1
      if (unfinished === 0) settle()
    }
    this.#host.emitData(data, info)
    for (const consumer of this.#consumers) {
      const result = this.#guard(() => consumer.sink.write(data, info))
      if (result === undefined) continue
      unfinished += 1
      void this.#await(consumer, result, finish)
    }
    finish()
  }

  async #await(consumer: Consumer, result: PromiseLike<void>, finish: () => void): Promise<void> {
    consumer.pending.add(finish)
    try {
      await result
    } catch (error) {
      this.#host.sinkFailed(error)
    }
    if (consumer.pending.delete(finish)) finish()
  }

  #guard(call: () => void | PromiseLike<void>): PromiseLike<void> | undefined {
    try {
      return call() ?? undefined
    } catch (error) {
      this.#host.sinkFailed(error)
      return undefined
    }
  }
}

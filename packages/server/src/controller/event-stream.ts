import type { ServerResponse } from 'node:http'
import type { SessionEvent } from '@cliscale/sdk/protocol'

/** Bytes that may wait for one reader. A reader that lags behind further is cut off and resumes by Last-Event-ID. */
const MAX_BUFFERED_BYTES = 1_048_576

/** A comment this often keeps proxies from closing a quiet stream, and finds readers that are gone. */
const HEARTBEAT_MS = 15_000

/** One page of events per read of the table. */
const PAGE = 200

/** Where the events of one stream come from. */
export interface EventSource {
  /** Events after `seq`, in order, at most `limit`. */
  read(afterSeq: number, limit: number): Promise<readonly SessionEvent[]>
  /** Calls back when there may be new ones. */
  subscribe(listener: () => void): () => void
  /** True when the stream is complete with this event. */
  isLast(event: SessionEvent): boolean
}

/**
 * Writes events as server-sent events (WHATWG HTML, 9.2) until the last one, or until the reader leaves. Notifications
 * only wake it: each wake reads the table after the last event that was sent, so nothing is lost, doubled or polled for.
 */
export class EventStream {
  readonly #response: ServerResponse
  readonly #source: EventSource
  readonly #onError: (error: unknown) => void
  #seq: number
  #reading = false
  #wanted = false
  #unsubscribe: () => void = () => undefined
  #heartbeat: NodeJS.Timeout | undefined

  constructor(options: {
    readonly response: ServerResponse
    readonly source: EventSource
    readonly afterSeq: number
    readonly onError: (error: unknown) => void
  }) {
    this.#response = options.response
    this.#source = options.source
    this.#seq = options.afterSeq
    this.#onError = options.onError
  }

  /** Begins. The response has its head already. */
  start(): void {
    this.#response.once('close', () => this.#stop())
    this.#response.on('error', () => this.#stop())
    this.#unsubscribe = this.#source.subscribe(() => this.wake())
    this.#heartbeat = setInterval(() => this.#write(':\n\n'), HEARTBEAT_MS).unref()
    // The head leaves at once, and a browser's EventSource opens.
    this.#write('retry: 1000\n\n')
    this.wake()
  }

  /** There may be new events. */
  wake(): void {
    this.#wanted = true
    if (!this.#reading) void this.#run()
  }

  /** Ends it before its last event: who may still read it comes back, the others are refused then. */
  end(): void {
    this.#stop()
    // A reader that does not take what it was sent would stay for as long as it likes.
    if (this.#response.writableLength > 0) this.#response.destroy()
    else this.#response.end()
  }

  async #run(): Promise<void> {
    this.#reading = true
    try {
      while (this.#wanted && !this.#response.destroyed) {
        this.#wanted = false
        await this.#drain()
      }
    } catch (error) {
      // The reader comes back by itself and goes on after the last event that it has.
      this.#onError(error)
      this.#response.destroy()
    } finally {
      this.#reading = false
    }
  }

  async #drain(): Promise<void> {
    for (;;) {
      const events = await this.#source.read(this.#seq, PAGE)
      for (const event of events) {
        this.#seq = event.seq
        this.#write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
        if (this.#source.isLast(event)) {
          this.#response.end()
          return
        }
      }
      if (events.length < PAGE || this.#response.destroyed) return
    }
  }

  #write(text: string): void {
    if (this.#response.destroyed || this.#response.writableEnded) return
    this.#response.write(text)
    if (this.#response.writableLength > MAX_BUFFERED_BYTES) this.#response.destroy()
  }

  #stop(): void {
    this.#unsubscribe()
    clearInterval(this.#heartbeat)
  }
}

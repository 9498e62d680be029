import type { ServerResponse } from 'node:http'

import { RUNNER_KEEPALIVE_MS, type RunnerEvent, type RunnerFigures } from '@cliscale/sdk/protocol'

/** A subscriber that reads nothing for so many bytes is dropped; it will ask for the status again. */
const MAX_WAITING_BYTES = 1_048_576

/** Figures of clients that come or go together are told together. */
const FIGURES_AFTER_MS = 1_000

/** Sends runner events as newline-delimited JSON to everybody who asked. */
export class EventStreams {
  readonly #responses = new Set<ServerResponse>()
  #keepalive: NodeJS.Timeout | undefined
  readonly #delivered: () => void
  readonly #figures: (() => RunnerFigures) | undefined
  #exitDelivered = false
  #told = ''
  #soon: NodeJS.Timeout | undefined

  /**
   * @param delivered called when somebody was sent the exit
   * @param figures what is told with keep-alives
   */
  constructor(delivered: () => void, figures?: () => RunnerFigures) {
    this.#delivered = delivered
    this.#figures = figures
  }

  /** How many listen. */
  get size(): number {
    return this.#responses.size
  }

  /** True once somebody was sent the exit. */
  get exitDelivered(): boolean {
    return this.#exitDelivered
  }

  /** Adds a subscriber, who is sent `first` at once. `left` is called when it is gone. */
  add(response: ServerResponse, first: RunnerEvent, left: () => void): void {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
    this.#responses.add(response)
    response.on('close', () => {
      this.#responses.delete(response)
      left()
    })
    const tellsExit = first.type === 'status' && first.status.exit !== null
    this.#write(response, `${JSON.stringify(first)}\n`, tellsExit)
    this.#keepalive ??= setInterval(() => this.#beat(), RUNNER_KEEPALIVE_MS)
  }

  /** Tells everybody. */
  send(event: RunnerEvent): void {
    if (event.type === 'exit') this.#tellFigures()
    this.#writeAll(`${JSON.stringify(event)}\n`, event.type === 'exit')
  }

  /** Tells what is counted within a second. */
  figuresSoon(): void {
    if (this.#responses.size === 0) return
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      this.#tellFigures()
    }, FIGURES_AFTER_MS).unref()
  }

  /** Ends all streams; resolves when what was written is gone. */
  async end(): Promise<void> {
    clearInterval(this.#keepalive)
    clearTimeout(this.#soon)
    this.#tellFigures()
    const ending = [...this.#responses].map(
      (response) => new Promise<void>((resolve) => response.on('close', resolve).end(resolve)),
    )
    await Promise.all(ending)
  }

  #beat(): void {
    if (!this.#tellFigures()) this.#writeAll('\n', false)
  }

  /** False when there is nothing new. */
  #tellFigures(): boolean {
    if (this.#figures === undefined) return false
    const line = `${JSON.stringify({ type: 'figures', figures: this.#figures() } satisfies RunnerEvent)}\n`
    if (line === this.#told) return false
    this.#told = line
    this.#writeAll(line, false)
    return true
  }

  #writeAll(text: string, isExit: boolean): void {
    for (const response of this.#responses) this.#write(response, text, isExit)
  }

  #write(response: ServerResponse, text: string, isExit: boolean): void {
    if (response.writableLength > MAX_WAITING_BYTES) {
      response.destroy()
      return
    }
    response.write(text, (error) => {
      if (!isExit || error) return
      this.#exitDelivered = true
      this.#delivered()
    })
  }
}

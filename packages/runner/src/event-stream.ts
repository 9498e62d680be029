import type { ServerResponse } from 'node:http'

import { RUNNER_KEEPALIVE_MS, type RunnerEvent } from '@cliscale/sdk/protocol'

/** A subscriber that reads nothing for so many bytes is dropped; it will ask for the status again. */
const MAX_WAITING_BYTES = 1_048_576

/** Sends runner events as newline-delimited JSON to everybody who asked. */
export class EventStreams {
  readonly #responses = new Set<ServerResponse>()
  #keepalive: NodeJS.Timeout | undefined
  readonly #delivered: () => void
  #exitDelivered = false

  /** @param delivered called when somebody was sent the exit */
  constructor(delivered: () => void) {
    this.#delivered = delivered
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
    this.#keepalive ??= setInterval(() => this.#writeAll('\n', false), RUNNER_KEEPALIVE_MS)
  }

  /** Tells everybody. */
  send(event: RunnerEvent): void {
    this.#writeAll(`${JSON.stringify(event)}\n`, event.type === 'exit')
  }

  /** Ends all streams; resolves when what was written is gone. */
  async end(): Promise<void> {
    clearInterval(this.#keepalive)
    const ending = [...this.#responses].map(
      (response) => new Promise<void>((resolve) => response.on('close', resolve).end(resolve)),
    )
    await Promise.all(ending)
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

import type { Client } from './client.ts'

/** How long a driver whose connection broke is waited for. */
export const EXPECTED_BACK_MS = 15_000

/**
 * The time between a driver's broken connection and its return. For so long the program is held at the credit that the
 * driver had left, as if it were still there, so that a short outage or a restart of a gateway loses not a byte even of
 * output that is faster than the ring. A driver that took leave is not waited for, and a longer outage is the ring's
 * and the screen's business: the program goes on.
 */
export class Absence {
  #confirmed = 0
  #timer: NodeJS.Timeout | undefined

  /** Whether somebody is expected back. */
  get active(): boolean {
    return this.#timer !== undefined
  }

  /** Offset up to which the absent driver had parsed. */
  get confirmed(): number {
    return this.#confirmed
  }

  /** The driver's connection broke. `over` is called when it has not come back in time. */
  begin(client: Client, over: () => void): void {
    this.end()
    this.#confirmed = client.confirmed
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      over()
    }, EXPECTED_BACK_MS)
    this.#timer.unref()
  }

  /** Somebody drives again, or nobody is waited for any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

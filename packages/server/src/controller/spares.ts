import { newRunnerId } from './ids.ts'
import type { Launcher } from './launcher.ts'
import { kindOf, type Parts, targetOf } from './parts.ts'
import type { Watcher } from './watcher.ts'

/** Spare runners are started once no session was started for this long, so that they do not slow one down. */
const QUIET_MS = 150

/** Pause after a spare runner that could not be started. */
const AFTER_FAILURE_MS = 5_000

/** Keeps blank runners waiting, so that a session starts without starting a program. */
export class Spares {
  readonly #parts: Parts
  readonly #launcher: Launcher
  readonly #watcher: Watcher
  readonly #wanted: number
  readonly #isBusy: () => boolean
  #timer: NodeJS.Timeout | null = null
  #filling: Promise<void> | null = null
  #closed = false

  constructor(options: {
    readonly parts: Parts
    readonly launcher: Launcher
    readonly watcher: Watcher
    /** How many to keep. */
    readonly wanted: number
    /** True while sessions are being started. */
    readonly isBusy: () => boolean
  }) {
    this.#parts = options.parts
    this.#launcher = options.launcher
    this.#watcher = options.watcher
    this.#wanted = options.wanted
    this.#isBusy = options.isBusy
  }

  /** One may be missing. Each call puts the refill off, so that a row of starts comes first. */
  refillSoon(afterMs: number = QUIET_MS): void {
    if (this.#closed || this.#wanted === 0) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#refill(), afterMs).unref()
  }

  /** Waits for the spare that is being started. Spares go on. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#filling
  }

  #refill(): void {
    if (this.#isBusy() || this.#launcher.busy > 0 || this.#filling !== null) return this.refillSoon()
    this.#filling = this.#fill()
      .catch((error: unknown) => {
        // A start that closing cut off is no failure that anyone must look at.
        if (this.#closed) return
        this.#parts.log.warn({ err: error }, 'a spare runner could not be started')
        this.refillSoon(AFTER_FAILURE_MS)
      })
      .finally(() => {
        this.#filling = null
      })
  }

  /** One at a time, and none while a session starts. */
  async #fill(): Promise<void> {
    for (let missing = await this.#missing(); missing > 0; missing -= 1) {
      if (this.#closed) return
      if (this.#isBusy()) return this.refillSoon()
      await this.#startOne()
    }
  }

  async #missing(): Promise<number> {
    const live = await this.#parts.store.runners.live()
    const spare = live.filter(
      ({ driver, policy, state, sessionId }) =>
        driver === this.#parts.driver.name &&
        policy === this.#parts.driver.policy &&
        (state === 'blank' || (state === 'creating' && sessionId === null)),
    )
    return this.#wanted - spare.length
  }

  async #startOne(): Promise<void> {
    const id = newRunnerId()
    const { store, driver } = this.#parts
    if ((await store.runners.insert({ ...kindOf(driver), id, sessionId: null })) === null) return
    try {
      const runner = await this.#launcher.launch(id)
      const target = runner === null ? null : targetOf(this.#parts, runner)
      if (target !== null) this.#watcher.watch(target, null)
    } catch (error) {
      await driver.stop(id, { graceMs: 0 })
      await store.runners.end(id, error instanceof Error ? error.message : undefined)
      throw error
    }
  }
}

import { availableParallelism } from 'node:os'
import type { ObservedRunner } from '../drivers/driver.ts'
import { CodedError } from '../http/coded-error.ts'
import type { RunnerRecord } from '../store/runner-row.ts'
import type { Parts } from './parts.ts'

/** A runner that is not up by then is given up. */
const UP_WITHIN_MS = 30_000

type LauncherParts = Pick<Parts, 'store' | 'driver' | 'runnerSecret'>

interface Waiting {
  readonly resolve: (runner: ObservedRunner) => void
  readonly reject: (error: unknown) => void
}

/**
 * Starts runners and waits until they are up. Programs that start share the processors, so only so many start at once:
 * the first of a burst are up early, and the last no later than if all had started together.
 */
export class Launcher {
  readonly #parts: LauncherParts
  readonly #slots: number
  readonly #waiting = new Map<string, Waiting>()
  readonly #line: (() => void)[] = []
  readonly #launching = new Set<string>()
  readonly #unwatch: () => void
  #running = 0
  #closed = false

  constructor(parts: LauncherParts, slots: number = 2 * availableParallelism()) {
    this.#parts = parts
    this.#slots = slots
    this.#unwatch = parts.driver.watch((runner) => this.#changed(runner))
  }

  /** Runners that start or wait to be started. */
  get busy(): number {
    return this.#running + this.#line.length
  }

  /** True while this process starts the runner. */
  has(runnerId: string): boolean {
    return this.#launching.has(runnerId)
  }

  /**
   * Starts the runner of a row and notes that it is up. Null when the row was ended meanwhile.
   *
   * @throws {CodedError} `START_FAILED`, `START_TIMEOUT`, `WORK_FOLDER_UNUSABLE`, `DATABASE_UNAVAILABLE`; `DRAINING` once it
   *   is closed
   */
  async launch(runnerId: string): Promise<RunnerRecord | null> {
    this.#launching.add(runnerId)
    await this.#enter()
    try {
      // Nobody would hear that it is up.
      if (this.#closed) throw new CodedError('DRAINING')
      const { address, externalId } = await this.#up(runnerId)
      if (address === null) throw new CodedError('START_FAILED', 'The runner is up, but nobody knows where.')
      return await this.#parts.store.runners.markUp(runnerId, { address, externalId })
    } finally {
      this.#launching.delete(runnerId)
      this.#leave()
    }
  }

  /** Stops waiting for what is being started, and starts nothing more. */
  close(): void {
    this.#closed = true
    this.#unwatch()
    for (const { reject } of this.#waiting.values()) reject(new CodedError('DRAINING'))
    this.#waiting.clear()
  }

  async #up(runnerId: string): Promise<ObservedRunner> {
    const { promise, resolve, reject } = Promise.withResolvers<ObservedRunner>()
    this.#waiting.set(runnerId, { resolve, reject })
    const timer = setTimeout(() => reject(new CodedError('START_TIMEOUT')), UP_WITHIN_MS)
    try {
      const spec = { runnerId, secret: this.#parts.runnerSecret.of(runnerId) }
      const started = await Promise.race([
        promise,
        this.#parts.driver.start(spec, AbortSignal.timeout(UP_WITHIN_MS)),
      ])
      if (started.state === 'starting') return await promise
      if (started.state === 'gone') throw new CodedError('START_FAILED', sentence(started))
      return started
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(runnerId)
      promise.catch(() => undefined)
    }
  }

  #changed(runner: ObservedRunner): void {
    const waiting = this.#waiting.get(runner.runnerId)
    if (runner.state === 'up') waiting?.resolve(runner)
    if (runner.state === 'gone') waiting?.reject(new CodedError('START_FAILED', sentence(runner)))
  }

  async #enter(): Promise<void> {
    if (this.#running >= this.#slots) await new Promise<void>((resolve) => this.#line.push(resolve))
    else this.#running += 1
  }

  /** A slot goes straight to the next in line. */
  #leave(): void {
    const next = this.#line.shift()
    if (next === undefined) this.#running -= 1
    else next()
  }
}

function sentence({ detail }: ObservedRunner): string {
  return detail === undefined
    ? 'The runner ended while it started.'
    : `The runner could not be started: ${detail}.`
}

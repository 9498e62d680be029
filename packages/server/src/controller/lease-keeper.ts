import { hostname } from 'node:os'
import { randomBytes } from 'node:crypto'
import type { Log } from '../observability/log.ts'
import { type Lease, type Leases, RECONCILER_LEASE } from '../store/leases.ts'

/** The lease ends by itself after this time, so another controller waits no longer for one that died. */
const TTL_MS = 9_000

/**
 * Holds the one lease under which rows and runners are put in order. It is renewed by every {@link hold}, which must come
 * at least every third of its life. Time is measured on a clock that goes on while the process is stopped, so that a
 * process that was paused knows that its lease may be another's.
 */
export class LeaseKeeper {
  readonly #leases: Leases
  readonly #log: Log
  readonly #holder = `${hostname()}/${process.pid}/${randomBytes(6).toString('hex')}`
  #lease: Lease | null = null
  #until = 0

  constructor(leases: Leases, log: Log) {
    this.#leases = leases
    this.#log = log
  }

  /** Renews or acquires. False when another controller has it. @throws {CodedError} `DATABASE_UNAVAILABLE` */
  async hold(): Promise<boolean> {
    const askedAt = performance.now()
    if (this.#lease !== null && !(await this.#leases.renew(this.#lease, TTL_MS))) {
      this.#log.warn('the lease of the reconciler was lost')
      this.#lease = null
    }
    this.#lease ??= await this.#leases.acquire(RECONCILER_LEASE, this.#holder, TTL_MS)
    this.#until = askedAt + TTL_MS
    return this.#lease !== null
  }

  /** True while nobody else can hold it. Ask before each action. */
  get isHeld(): boolean {
    return this.#lease !== null && performance.now() < this.#until
  }

  /** The fence of writes under the lease. */
  get lease(): Lease | null {
    return this.#lease
  }

  /** Gives it up. */
  async release(): Promise<void> {
    const lease = this.#lease
    this.#lease = null
    if (lease !== null) await this.#leases.release(lease)
  }
}

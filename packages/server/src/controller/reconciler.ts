import type { ObservedRunner } from '../drivers/driver.ts'
import { decide } from '../lifecycle/decide.ts'
import { type Action, DEFAULT_POLICY, type Policy } from '../lifecycle/desired.ts'
import type { EventHints } from '../store/listen.ts'
import type { RunnerRecord } from '../store/runner-row.ts'
import type { LiveSession } from '../store/sessions.ts'
import type { Actions } from './actions.ts'
import type { Capacity } from './capacity.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { type Parts, targetOf } from './parts.ts'
import { Pruner } from './pruner.ts'
import type { RecordingLibrary } from './recordings/library.ts'
import type { Queue } from './queue.ts'
import type { Spares } from './spares.ts'
import type { Starter } from './starter.ts'
import type { Watcher } from './watcher.ts'

/** A round at least this often; a third of the lease's life. */
const EVERY_MS = 3_000

/** Rounds that notifications ask for come at most this often. */
const AT_MOST_EVERY_MS = 1_000

/** What the reconciler works with. */
export interface ReconcilerOptions {
  readonly parts: Parts
  readonly hints: EventHints
  readonly capacity: Capacity
  readonly watcher: Watcher
  readonly starter: Starter
  readonly queue: Queue
  readonly spares: Spares
  readonly actions: Actions
  readonly policy: Partial<Omit<Policy, 'runnerPolicy'>>
  readonly keepEndedMs: number
  readonly library: RecordingLibrary
  readonly keepRecordingsMs: number
}

/** What one look at both sides found. */
interface Look {
  readonly sessions: readonly LiveSession[]
  readonly runners: readonly RunnerRecord[]
  readonly observed: readonly ObservedRunner[]
}

/**
 * Keeps what the database says and what the driver has in step, from any state in which a crash may have left them. A
 * round looks at both, lets `decide` compare them, and does what it says. Only the holder of the lease acts; every
 * controller follows the runners that it can reach, because guarded transitions make that safe.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #lease: LeaseKeeper
  readonly #pruner: Pruner
  #timer: NodeJS.Timeout | null = null
  #round: Promise<void> | null = null
  #roundAt = Number.NEGATIVE_INFINITY
  #unsubscribe: () => void = () => undefined
  #closed = false
  /** Sessions that had a place but no row at the last look. */
  #suspects: ReadonlySet<string> = new Set()

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#lease = new LeaseKeeper(options.parts.store.leases, options.parts.log)
    this.#pruner = new Pruner(options)
  }

  /** True while this controller is the one that acts. */
  get leads(): boolean {
    return this.#lease.isHeld
  }

  /** Begins. Resolves after the first round, whether it succeeded or has to be repeated. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#options.hints.subscribe('*', () => this.#planIn(AT_MOST_EVERY_MS))
    await this.#run()
    this.#options.queue.look()
    this.#options.spares.refillSoon(0)
  }

  /** Waits for the round that is under way and gives the lease up. */
  async close(): Promise<void> {
    this.#closed = true
    this.#unsubscribe()
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#round
    await this.#lease.release().catch((error: unknown) => {
      this.#options.parts.log.debug({ err: error }, 'the lease ends by itself')
    })
  }

  async #run(): Promise<void> {
    if (this.#round !== null || this.#closed) return
    this.#timer = null
    this.#roundAt = performance.now()
    this.#round = this.#once().catch((error: unknown) => {
      this.#options.parts.log.warn({ err: error }, 'a round of the reconciler failed; trying again')
    })
    await this.#round
    this.#round = null
    this.#planIn(EVERY_MS)
  }

  /** The nearest plan wins; a plan for the usual time never puts off an earlier one. */
  #planIn(ms: number): void {
    if (this.#closed || this.#round !== null || (this.#timer !== null && ms >= EVERY_MS)) return
    if (this.#timer !== null) clearTimeout(this.#timer)
    const wait = Math.max(0, this.#roundAt + ms - performance.now())
    this.#timer = setTimeout(() => void this.#run(), wait).unref()
  }

  async #once(): Promise<void> {
    const held = await this.#lease.hold()
    const look = await this.#look()
    this.#adopt(look)
    this.#freePlaces(look)
    if (!held) return
    await this.#act(look)
    if (this.#lease.isHeld) await this.#pruner.pruneIfDue()
  }

  /** The driver first: `decide` takes a runner without a row in the younger look for an orphan. */
  async #look(): Promise<Look> {
    const { store, driver } = this.#options.parts
    const observed = await driver.list()
    const { sessions, runners } = await store.live()
    return { observed, sessions, runners: runners.filter((runner) => runner.driver === driver.name) }
  }

  /** Follows every runner that nobody here follows yet. Following one that is gone finds that out and ends its session. */
  #adopt({ sessions, runners }: Look): void {
    const { parts, watcher, capacity, starter } = this.#options
    for (const { id, state } of sessions) if (state !== 'queued') capacity.adopt(id)
    for (const runner of runners) {
      const target = targetOf(parts, runner)
      if (target === null || watcher.has(runner.id)) continue
      if (runner.sessionId !== null && starter.has(runner.sessionId)) continue
      watcher.watch(target, runner.sessionId)
      if (runner.assigned) watcher.accepted(runner.id)
    }
  }

  /** Frees places of sessions that another controller ended. Twice missing, because a new row may be on its way. */
  #freePlaces({ sessions }: Look): void {
    const { capacity, starter } = this.#options
    const atWork = new Set(sessions.filter(({ state }) => state !== 'queued').map(({ id }) => id))
    const missing = capacity.sessions().filter((id) => !atWork.has(id) && !starter.has(id))
    for (const id of missing) if (this.#suspects.has(id)) capacity.release(id)
    this.#suspects = new Set(missing)
  }

  async #act({ sessions, runners, observed }: Look): Promise<void> {
    const runnerPolicy = this.#options.parts.driver.policy
    const policy = { ...DEFAULT_POLICY, ...this.#options.policy, runnerPolicy }
    const found = decide(new Date(), { sessions, runners, policy }, observed)
    const late = this.#options.actions.startTimeouts(sessions, runners)
    for (const action of [...found, ...late]) {
      if (!this.#lease.isHeld || this.#closed) return
      await this.#do(action)
    }
    await this.#freeLeftovers(observed, new Set(runners.map(({ id }) => id)))
  }

  /** What runners left that are gone and whose rows have ended: folders, stray processes. */
  async #freeLeftovers(observed: readonly ObservedRunner[], rows: ReadonlySet<string>): Promise<void> {
    const left = observed.filter(({ runnerId, state }) => state === 'gone' && !rows.has(runnerId))
    for (const { runnerId } of left) await this.#do({ kind: 'stopOrphan', runnerId })
  }

  /** One action that fails does not keep the others from being done. */
  async #do(action: Action): Promise<void> {
    try {
      await this.#options.actions.do(action)
    } catch (error) {
      this.#options.parts.log.warn(
        { err: error, action },
        'an action of the reconciler failed; it is decided again',
      )
    }
  }
}

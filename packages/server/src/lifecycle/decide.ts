import { decideSession, type SessionRunner } from './decide-session.ts'
import type { Action, Desired, DesiredRunner, DesiredSession, ObservedState } from './desired.ts'
import { age, fateOf } from './runner-fate.ts'

/**
 * Compares what shall be with what is and says what to do. Pure: the clock and both sides come in, nothing goes out
 * but actions, at most one for each session and one for each runner. Doing them and deciding again comes to rest.
 *
 * `observed` must be listed before `desired` is read. A row is written before its runner is started, so every runner
 * in the older list has a row in the younger one, and one without is an orphan. Sessions and runners of `desired` must
 * be of one moment: otherwise a runner that was claimed in between would seem to have no session.
 */
export function decide(now: Date, desired: Desired, observed: readonly ObservedState[]): Action[] {
  return new Decision(now, desired, observed).actions()
}

class Decision {
  readonly #now: Date
  readonly #desired: Desired
  readonly #observed: readonly ObservedState[]
  readonly #seen: ReadonlyMap<string, ObservedState>
  readonly #sessions: ReadonlyMap<string, DesiredSession>
  readonly #rows: ReadonlyMap<string, DesiredRunner>
  readonly #actions: Action[] = []
  /** Runners that an action names already. */
  readonly #settled = new Set<string>()
  /** Those of them that are no longer free for a session. */
  readonly #ending = new Set<string>()

  constructor(now: Date, desired: Desired, observed: readonly ObservedState[]) {
    this.#now = now
    this.#desired = desired
    this.#observed = observed
    this.#seen = new Map(observed.map((runner) => [runner.runnerId, runner]))
    this.#sessions = new Map(desired.sessions.map((session) => [session.id, session]))
    this.#rows = new Map(
      desired.runners.filter(({ state }) => state !== 'ended').map((runner) => [runner.id, runner]),
    )
  }

  actions(): Action[] {
    const waiting = this.#decideSessions()
    this.#decideRunners()
    this.#decideOrphans()
    this.#dealCapacity(waiting)
    return this.#actions
  }

  /** Resolves sessions one by one; returns those that may get a runner now. */
  #decideSessions(): DesiredSession[] {
    const waiting: DesiredSession[] = []
    const held = new Set([...this.#rows.values()].map(({ sessionId }) => sessionId))
    for (const session of this.#desired.sessions) {
      if (session.state === 'ended') continue
      const action = decideSession(session, this.#runnerOf(session), this.#now, this.#desired.policy)
      if (action) this.#add(action)
      else if (session.state === 'queued' && (session.retryAt === null || session.retryAt <= this.#now)) {
        // A session never has two runners: what still refers to it goes first.
        if (!held.has(session.id)) waiting.push(session)
      }
    }
    return waiting
  }

  #runnerOf(session: DesiredSession): SessionRunner | null {
    const row = session.runnerId === null ? undefined : this.#rows.get(session.runnerId)
    if (row?.sessionId !== session.id) return null
    return { row, fate: fateOf(row, this.#seen.get(row.id), this.#now, this.#desired.policy) }
  }

  #decideRunners(): void {
    for (const runner of this.#rows.values()) {
      // What a requeued session leaves behind may still exist: it is an orphan of the next decision.
      if (this.#settled.has(runner.id)) continue
      const action = this.#decideRunner(runner)
      if (action) this.#add(action)
    }
  }

  #decideRunner(runner: DesiredRunner): Action | null {
    const fate = fateOf(runner, this.#seen.get(runner.id), this.#now, this.#desired.policy)
    const runnerId = runner.id
    if (fate.kind === 'gone') return { kind: 'endRunner', runnerId, reason: fate.detail }
    if (fate.kind === 'late') return { kind: 'stopRunner', runnerId, reason: 'It did not come up in time.' }
    if (runner.state === 'lingering') {
      const since = runner.releasedAt ?? runner.createdAt
      if (age(since, this.#now) < this.#desired.policy.lingerTimeoutMs) return null
      return { kind: 'stopRunner', runnerId, reason: 'It lingered too long.' }
    }
    if (runner.sessionId !== null && !this.#belongs(runner)) {
      return { kind: 'stopRunner', runnerId, reason: 'Its session is over or has another runner.' }
    }
    return runner.state === 'creating' && fate.kind === 'up' ? { kind: 'markUp', runnerId } : null
  }

  #belongs(runner: DesiredRunner): boolean {
    const session = this.#sessions.get(runner.sessionId ?? '')
    return session !== undefined && session.state !== 'ended' && session.runnerId === runner.id
  }

  #decideOrphans(): void {
    for (const { runnerId, state } of this.#observed) {
      if (state === 'gone' || this.#rows.has(runnerId) || this.#settled.has(runnerId)) continue
      this.#add({ kind: 'stopOrphan', runnerId })
    }
  }

  /** Blank runners first, then new ones while there is room, then spares up to the target; what is over is stopped. */
  #dealCapacity(waiting: readonly DesiredSession[]): void {
    const { maxRunners, spareRunners } = this.#desired.policy
    const free = [...this.#rows.values()].filter(
      (runner) => runner.sessionId === null && !this.#ending.has(runner.id),
    )
    const usable = free.filter(({ policy }) => policy === this.#desired.policy.runnerPolicy)
    const blank = usable.filter(({ state }) => state === 'blank')
    const coming = usable.length - blank.length
    let room = maxRunners - this.#rows.size

    for (const { id } of waiting.slice(0, blank.length)) this.#add({ kind: 'claimBlank', sessionId: id })
    // Spares on their way will be blank soon; only sessions beyond them need runners of their own.
    for (const { id } of waiting.slice(blank.length + coming)) {
      if (room <= 0) break
      this.#add({ kind: 'startRunner', sessionId: id })
      room -= 1
    }
    const left = blank.length + coming - waiting.length
    for (let spare = Math.max(left, 0); spare < spareRunners && room > 0; spare += 1) {
      this.#add({ kind: 'startRunner', sessionId: null })
      room -= 1
    }
    for (const { id, state } of free.filter((runner) => !usable.includes(runner)))
      if (state === 'blank') this.#add({ kind: 'retireBlank', runnerId: id })
    const surplus = Math.min(left - spareRunners, blank.length - waiting.length)
    // The oldest are claimed first, so the youngest go.
    for (const { id } of surplus > 0 ? blank.slice(-surplus) : [])
      this.#add({ kind: 'retireBlank', runnerId: id })
  }

  #add(action: Action): void {
    this.#actions.push(action)
    if (!('runnerId' in action)) return
    this.#settled.add(action.runnerId)
    if (action.kind !== 'markUp') this.#ending.add(action.runnerId)
  }
}

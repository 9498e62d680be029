import fc from 'fast-check'
import { SESSION_STATES, type SessionState } from '@cliscale/sdk/protocol'
import type {
  Action,
  Desired,
  DesiredRunner,
  DesiredSession,
  ObservedState,
  Policy,
} from '../../src/lifecycle/desired.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** A small stand-in for database and platform together: rows with the store's guards, runners that come and go. */
export interface World {
  now: Date
  readonly sessions: Map<string, Mutable<DesiredSession>>
  readonly runners: Map<string, Mutable<DesiredRunner>>
  readonly platform: Map<string, Mutable<ObservedState>>
  readonly policy: Policy
  /** Outcomes of the next starts; when used up every start succeeds. */
  readonly starts: boolean[]
  made: number
}

export const POLICY: Policy = {
  spareRunners: 2,
  maxRunners: 6,
  maxAttempts: 3,
  startTimeoutMs: 60_000,
  retryAfterMs: 500,
  unseenMs: 10_000,
  endTimeoutMs: 15_000,
  lingerTimeoutMs: 60_000,
  runnerPolicy: 'present',
}

const NOW = new Date('2030-01-01T00:00:00Z')
const SESSIONS = ['s1', 's2', 's3', 's4', 's5']
const RUNNERS = ['r1', 'r2', 'r3', 'r4', 'r5']

const past = fc.integer({ min: 0, max: 120_000 }).map((ms) => new Date(NOW.getTime() - ms))

function session(id: string): fc.Arbitrary<Mutable<DesiredSession>> {
  const any = fc.record({
    id: fc.constant(id),
    state: fc.constantFrom(...SESSION_STATES.filter((state) => state !== 'ended')),
    runnerId: fc.option(fc.constantFrom(...RUNNERS)),
    attempts: fc.integer({ min: 0, max: 3 }),
    endReason: fc.constantFrom(null, 'killed' as const),
    endingAt: fc.option(past),
    expiresAt: fc.integer({ min: -5_000, max: 3_600_000 }).map((ms) => new Date(NOW.getTime() + ms)),
    retryAt: fc.option(fc.integer({ min: -1_000, max: 4_000 }).map((ms) => new Date(NOW.getTime() + ms))),
  })
  // The table's own check.
  return any.map((row) => (row.state === 'queued' ? { ...row, runnerId: null } : row))
}

function runner(id: string): fc.Arbitrary<Mutable<DesiredRunner>> {
  return fc
    .record({
      id: fc.constant(id),
      policy: fc.constantFrom('present', 'present', 'present', 'past'),
      state: fc.constantFrom('creating' as const, 'blank' as const, 'claimed' as const, 'lingering' as const),
      sessionId: fc.option(fc.constantFrom(...SESSIONS)),
      assigned: fc.boolean(),
      createdAt: past,
      readyAt: fc.option(past),
      releasedAt: fc.option(past),
    })
    .map((row) => (row.state === 'blank' ? { ...row, sessionId: null, assigned: false } : row))
}

/** Any rows and any runners, whether or not a server could have brought them about. */
export const anyWorld: fc.Arbitrary<World> = fc
  .record({
    sessions: fc.tuple(...SESSIONS.map((id) => fc.option(session(id)))),
    runners: fc.tuple(...RUNNERS.map((id) => fc.option(runner(id)))),
    platform: fc.tuple(
      ...[...RUNNERS, 'stranger'].map((runnerId) =>
        fc.option(
          fc.record({
            runnerId: fc.constant(runnerId),
            state: fc.constantFrom('starting', 'up', 'gone'),
          } as const),
        ),
      ),
    ),
    starts: fc.array(fc.boolean(), { maxLength: 12 }),
  })
  .map(({ sessions, runners, platform, starts }) => ({
    now: NOW,
    sessions: withoutDoubles(
      byKey(sessions, ({ id }) => id),
      ({ runnerId }) => runnerId,
    ),
    runners: withoutDoubles(
      byKey(runners, ({ id }) => id),
      ({ sessionId }) => sessionId,
    ),
    platform: byKey(platform, ({ runnerId }) => runnerId),
    policy: POLICY,
    starts: [...starts],
    made: 0,
  }))

function byKey<T>(values: readonly (T | null)[], key: (value: T) => string): Map<string, T> {
  return new Map(values.flatMap((value) => (value === null ? [] : [[key(value), value] as const])))
}

/** The database's unique indexes: a session has one live runner at most, and a runner one live session. */
function withoutDoubles<T>(rows: Map<string, T>, other: (row: T) => string | null): Map<string, T> {
  const held = new Set<string>()
  for (const [id, row] of rows) {
    const key = other(row)
    if (key === null) continue
    if (held.has(key)) rows.delete(id)
    held.add(key)
  }
  return rows
}

export function desiredOf(world: World): Desired {
  return {
    sessions: [...world.sessions.values()].filter(({ state }) => state !== 'ended'),
    runners: [...world.runners.values()].filter(({ state }) => state !== 'ended'),
    policy: world.policy,
  }
}

export function observedOf(world: World): ObservedState[] {
  return [...world.platform.values()]
}

/** Does one action as the controller would, with the guards that the store's statements have. */
export function perform(world: World, action: Action): void {
  switch (action.kind) {
    case 'startRunner':
      return start(world, action.sessionId)
    case 'claimBlank':
      return claim(world, action.sessionId)
    case 'markUp':
      return markUp(world, action.runnerId)
    case 'assign':
      return assign(world, action.sessionId, action.runnerId)
    case 'requeue':
      return requeue(world, action)
    case 'stopSession':
    case 'endSession':
      return endSession(world, action.sessionId)
    case 'retireBlank':
      if (world.runners.get(action.runnerId)?.state !== 'blank') return
      return stopRunner(world, action.runnerId)
    case 'stopRunner':
    case 'endRunner':
    case 'stopOrphan':
      return stopRunner(world, action.runnerId)
  }
}

function start(world: World, sessionId: string | null): void {
  const id = `new${(world.made += 1)}`
  const waiting = sessionId === null ? null : world.sessions.get(sessionId)
  if (waiting !== null) {
    if (waiting?.state !== 'queued') throw new Error(`${sessionId} does not wait`)
    if ([...world.runners.values()].some((row) => row.sessionId === sessionId && row.state !== 'ended')) {
      throw new Error(`${sessionId} would have two runners`)
    }
    Object.assign(waiting, {
      state: 'scheduled',
      runnerId: id,
      attempts: waiting.attempts + 1,
      retryAt: null,
    })
  }
  world.runners.set(id, {
    id,
    policy: world.policy.runnerPolicy,
    state: 'creating',
    sessionId,
    assigned: false,
    createdAt: world.now,
    readyAt: null,
    releasedAt: null,
  })
  world.platform.set(id, { runnerId: id, state: (world.starts.shift() ?? true) ? 'starting' : 'gone' })
}

function claim(world: World, sessionId: string): void {
  const blank = [...world.runners.values()].find(
    ({ state, policy }) => state === 'blank' && policy === world.policy.runnerPolicy,
  )
  const waiting = world.sessions.get(sessionId)
  if (!blank || waiting?.state !== 'queued') return
  Object.assign(blank, { state: 'claimed', sessionId })
  Object.assign(waiting, {
    state: 'scheduled',
    runnerId: blank.id,
    attempts: waiting.attempts + 1,
    retryAt: null,
  })
}

function markUp(world: World, runnerId: string): void {
  const row = world.runners.get(runnerId)
  if (row?.state !== 'creating') return
  Object.assign(row, { state: row.sessionId === null ? 'blank' : 'claimed', readyAt: world.now })
}

function assign(world: World, sessionId: string, runnerId: string): void {
  const row = world.runners.get(runnerId)
  const waiting = world.sessions.get(sessionId)
  if (row?.state !== 'claimed' || !waiting || waiting.runnerId !== runnerId) return
  row.assigned = true
  const before: readonly SessionState[] = [
    'scheduled',
    'pulling',
    'assigning',
    'fetching',
    'verifying',
    'starting',
  ]
  if (before.includes(waiting.state)) waiting.state = 'running'
}

function requeue(
  world: World,
  { sessionId, runnerId, retryAfterMs }: Extract<Action, { kind: 'requeue' }>,
): void {
  const waiting = world.sessions.get(sessionId)
  if (!waiting || waiting.runnerId !== runnerId) return
  const retryAt = new Date(world.now.getTime() + retryAfterMs)
  Object.assign(waiting, { state: 'queued', runnerId: null, retryAt })
  const row = world.runners.get(runnerId)
  if (row) row.state = 'ended'
}

function endSession(world: World, sessionId: string): void {
  const over = world.sessions.get(sessionId)
  if (!over || over.state === 'ended') return
  over.state = 'ended'
  for (const row of world.runners.values()) if (row.sessionId === sessionId) row.state = 'ended'
}

function stopRunner(world: World, runnerId: string): void {
  const row = world.runners.get(runnerId)
  if (row) row.state = 'ended'
  world.platform.delete(runnerId)
}

/** Time passes: what was starting is up, and drivers forget what is gone. */
export function pass(world: World, ms: number): void {
  world.now = new Date(world.now.getTime() + ms)
  for (const seen of world.platform.values()) {
    if (seen.state === 'gone') world.platform.delete(seen.runnerId)
    if (seen.state === 'starting') seen.state = 'up'
  }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide } from '../../src/lifecycle/decide.ts'
import {
  type Action,
  ACTION_KINDS,
  DEFAULT_POLICY,
  type DesiredRunner,
  type DesiredSession,
  type ObservedState,
} from '../../src/lifecycle/desired.ts'
import { anyWorld, desiredOf, observedOf, pass, perform, type World } from './world.ts'

const NOW = new Date('2030-01-01T00:00:00Z')
const ago = (ms: number): Date => new Date(NOW.getTime() - ms)
const policy = { ...DEFAULT_POLICY, spareRunners: 0, maxRunners: 3, runnerPolicy: 'present' }

function session(changes: Partial<DesiredSession> = {}): DesiredSession {
  return {
    id: 's1',
    state: 'queued',
    runnerId: null,
    attempts: 0,
    endReason: null,
    endingAt: null,
    expiresAt: new Date(NOW.getTime() + 60_000),
    retryAt: null,
    ...changes,
  }
}

function runner(changes: Partial<DesiredRunner> = {}): DesiredRunner {
  return {
    id: 'r1',
    policy: 'present',
    state: 'blank',
    sessionId: null,
    assigned: false,
    createdAt: ago(30_000),
    readyAt: ago(29_000),
    releasedAt: null,
    ...changes,
  }
}

const up: ObservedState = { runnerId: 'r1', state: 'up' }

interface Case {
  readonly sessions?: readonly DesiredSession[]
  readonly runners?: readonly DesiredRunner[]
  readonly observed?: readonly ObservedState[]
  readonly changes?: Partial<typeof policy>
}

function decided({ sessions = [], runners = [], observed = [], changes = {} }: Case): Action[] {
  return decide(NOW, { sessions, runners, policy: { ...policy, ...changes } }, observed)
}

test('a waiting session gets the blank runner, and without one a runner of its own', () => {
  assert.deepEqual(decided({ sessions: [session()], runners: [runner()], observed: [up] }), [
    { kind: 'claimBlank', sessionId: 's1' },
  ])
  assert.deepEqual(decided({ sessions: [session()] }), [{ kind: 'startRunner', sessionId: 's1' }])
})

test('a waiting session is left alone before its retry time and while there is no room', () => {
  assert.deepEqual(decided({ sessions: [session({ retryAt: new Date(NOW.getTime() + 1) })] }), [])
  assert.deepEqual(decided({ sessions: [session()], changes: { maxRunners: 0 } }), [])
})

test('spare runners are started up to the target and the youngest of too many are retired', () => {
  assert.deepEqual(decided({ changes: { spareRunners: 2 } }), [
    { kind: 'startRunner', sessionId: null },
    { kind: 'startRunner', sessionId: null },
  ])
  const runners = [runner(), runner({ id: 'r2' })]
  assert.deepEqual(
    decided({ runners, observed: [up, { ...up, runnerId: 'r2' }], changes: { spareRunners: 1 } }),
    [{ kind: 'retireBlank', runnerId: 'r2' }],
  )
})

test('a blank runner of an earlier policy gets no session: it is retired, and a new one started', () => {
  const old = runner({ policy: 'past' })
  assert.deepEqual(decided({ sessions: [session()], runners: [old], observed: [up] }), [
    { kind: 'startRunner', sessionId: 's1' },
    { kind: 'retireBlank', runnerId: 'r1' },
  ])
  assert.deepEqual(decided({ runners: [old], observed: [up], changes: { spareRunners: 1 } }), [
    { kind: 'startRunner', sessionId: null },
    { kind: 'retireBlank', runnerId: 'r1' },
  ])
})

test('a runner of an earlier policy keeps the session that it runs', () => {
  const busy = runner({ policy: 'past', state: 'claimed', sessionId: 's1', assigned: true })
  const running = session({ state: 'running', runnerId: 'r1', attempts: 1 })
  assert.deepEqual(decided({ sessions: [running], runners: [busy], observed: [up] }), [])
})

test('a session whose runner is up but was told nothing is assigned', () => {
  const claimed = runner({ state: 'claimed', sessionId: 's1' })
  const waiting = session({ state: 'scheduled', runnerId: 'r1', attempts: 1 })
  assert.deepEqual(decided({ sessions: [waiting], runners: [claimed], observed: [up] }), [
    { kind: 'assign', sessionId: 's1', runnerId: 'r1' },
  ])
})

test('a runner that the driver sees up while its row is creating is marked', () => {
  const creating = runner({ state: 'creating', readyAt: null })
  assert.deepEqual(decided({ runners: [creating], observed: [up], changes: { spareRunners: 1 } }), [
    { kind: 'markUp', runnerId: 'r1' },
  ])
})

test('a runner that did not come up sends its session back with growing pauses, and after three tries ends it', () => {
  const creating = runner({ state: 'creating', sessionId: 's1', readyAt: null })
  const gone: ObservedState = { runnerId: 'r1', state: 'gone', detail: 'killed: out of memory' }
  const outcome = (attempts: number): Action | undefined =>
    decided({
      sessions: [session({ state: 'scheduled', runnerId: 'r1', attempts })],
      runners: [creating],
      observed: [gone],
    })[0]
  const pauses = [1, 2].map((attempts) => {
    const action = outcome(attempts)
    assert.ok(action?.kind === 'requeue')
    assert.match(action.message, /out of memory/)
    return action.retryAfterMs
  })
  assert.deepEqual(pauses, [500, 1_000])
  const last = outcome(3)
  assert.ok(last?.kind === 'endSession')
  assert.equal(last.exit.failure?.code, 'START_FAILED')
})

test('a running session whose runner is gone has lost it', () => {
  const claimed = runner({ state: 'claimed', sessionId: 's1', assigned: true })
  const running = session({ state: 'running', runnerId: 'r1', attempts: 1 })
  for (const observed of [[], [{ runnerId: 'r1', state: 'gone' } as const]]) {
    const [first, second] = decided({ sessions: [running], runners: [claimed], observed })
    assert.ok(first?.kind === 'endSession')
    assert.equal(first.exit.reason, 'failed')
    assert.equal(first.exit.failure?.code, 'RUNNER_LOST')
    assert.equal(second?.kind, 'endRunner')
  }
})

test('a runner that came up a moment ago may be missing from an older list', () => {
  const claimed = runner({ state: 'claimed', sessionId: 's1', assigned: true, readyAt: ago(5_000) })
  const running = session({ state: 'running', runnerId: 'r1', attempts: 1 })
  assert.deepEqual(decided({ sessions: [running], runners: [claimed] }), [])
})

test('a session over its lifetime is stopped, or ended when no runner works for it', () => {
  const expiresAt = ago(1)
  const [waiting] = decided({ sessions: [session({ expiresAt })] })
  assert.ok(waiting?.kind === 'endSession')
  assert.equal(waiting.exit.reason, 'expired')
  const claimed = runner({ state: 'claimed', sessionId: 's1', assigned: true })
  const running = session({ state: 'running', runnerId: 'r1', expiresAt })
  assert.deepEqual(decided({ sessions: [running], runners: [claimed], observed: [up] }), [
    { kind: 'stopSession', sessionId: 's1', runnerId: 'r1', reason: 'expired' },
  ])
})

test('a session that is ending for too long ends with the reason that it was given', () => {
  const claimed = runner({ state: 'claimed', sessionId: 's1', assigned: true })
  const ending = session({ state: 'ending', runnerId: 'r1', endReason: 'idle', endingAt: ago(14_999) })
  assert.deepEqual(decided({ sessions: [ending], runners: [claimed], observed: [up] }), [])
  const [action] = decided({
    sessions: [{ ...ending, endingAt: ago(15_000) }],
    runners: [claimed],
    observed: [up],
  })
  assert.ok(action?.kind === 'endSession')
  assert.equal(action.exit.reason, 'idle')
})

test('runners that the database does not know, or whose session is over, are stopped', () => {
  assert.deepEqual(decided({ observed: [{ runnerId: 'x', state: 'starting' }] }), [
    { kind: 'stopOrphan', runnerId: 'x' },
  ])
  assert.deepEqual(decided({ observed: [{ runnerId: 'x', state: 'gone' }] }), [])
  const [left] = decided({
    runners: [runner({ state: 'claimed', sessionId: 's9', assigned: true })],
    observed: [up],
  })
  assert.equal(left?.kind, 'stopRunner')
})

test('a lingering runner is stopped when it stays too long', () => {
  const lingering = runner({ state: 'lingering', sessionId: 's1', releasedAt: ago(59_999) })
  assert.deepEqual(decided({ runners: [lingering], observed: [up] }), [])
  const [action] = decided({ runners: [{ ...lingering, releasedAt: ago(60_000) }], observed: [up] })
  assert.equal(action?.kind, 'stopRunner')
})

test('whatever the rows and the driver say, no session and no runner is named by two actions', () => {
  fc.assert(
    fc.property(anyWorld, (world) => {
      const actions = decide(world.now, desiredOf(world), observedOf(world))
      const sessions = actions.flatMap((action) =>
        'sessionId' in action && action.sessionId ? [action.sessionId] : [],
      )
      const runners = actions.flatMap((action) => ('runnerId' in action ? [action.runnerId] : []))
      assert.equal(new Set(sessions).size, sessions.length)
      assert.equal(new Set(runners).size, runners.length)
      for (const action of actions) assert.ok(ACTION_KINDS.includes(action.kind))
    }),
    { numRuns: 2_000 },
  )
})

test('whatever the rows and the driver say, a decision names only what exists and starts no more than there is room for', () => {
  fc.assert(
    fc.property(anyWorld, (world) => {
      const desired = desiredOf(world)
      const actions = decide(world.now, desired, observedOf(world))
      for (const action of actions) {
        if ('sessionId' in action && action.sessionId !== null)
          assert.ok(world.sessions.has(action.sessionId))
        if (action.kind === 'stopOrphan') assert.ok(!world.runners.has(action.runnerId))
        else if (action.kind !== 'requeue' && 'runnerId' in action)
          assert.ok(world.runners.has(action.runnerId))
      }
      const starts = actions.filter(({ kind }) => kind === 'startRunner').length
      assert.ok(starts === 0 || desired.runners.length + starts <= world.policy.maxRunners)
    }),
    { numRuns: 2_000 },
  )
})

test('doing what was decided comes to rest, with nothing lost, doubled or left over', () => {
  fc.assert(
    fc.property(anyWorld, (world) => {
      assert.ok(settle(world), 'it comes to rest')
      const live = desiredOf(world)
      const held = live.runners.flatMap(({ sessionId }) => (sessionId === null ? [] : [sessionId]))
      assert.equal(new Set(held).size, held.length, 'no session has two runners')
      for (const { runnerId, state } of observedOf(world)) {
        assert.ok(
          state === 'gone' || live.runners.some(({ id }) => id === runnerId),
          `${runnerId} is left over`,
        )
      }
      for (const { id, state, runnerId } of live.sessions) {
        if (state === 'queued')
          assert.ok(live.runners.length >= world.policy.maxRunners, `${id} waits for nothing`)
        else
          assert.equal(world.platform.get(runnerId ?? '')?.state, 'up', `${id} is ${state} without a runner`)
      }
    }),
    { numRuns: 1_000 },
  )
})

/** Decides and acts until nothing is left to do for longer than every timeout. */
function settle(world: World): boolean {
  let quietMs = 0
  for (let round = 0; round < 300; round += 1) {
    const actions = decide(world.now, desiredOf(world), observedOf(world))
    for (const action of actions) perform(world, action)
    quietMs = actions.length === 0 ? quietMs + 2_000 : 0
    if (quietMs > 70_000) return true
    pass(world, 2_000)
  }
  return false
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionExit } from '@cliscale/sdk/protocol'
import { testDatabase } from '../support/database.ts'
import { blankRunner, newId, newSession } from '../support/sessions.ts'

const EXIT: SessionExit = { code: 0, signal: null, reason: 'exited' }

test('a session passes through its states, each with one event that says what happened', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const runnerId = await blankRunner(store)
  const { info } = await store.sessions.create(
    newSession({ claimBlank: { driver: 'process', policy: 'test' } }),
  )
  const { id } = info
  const phase = { phase: 'fetching', progress: { done: 1, total: 9, unit: 'bytes' } } as const

  const fetching = await store.sessions.transition({
    id,
    from: ['scheduled'],
    move: { to: 'fetching', phase },
  })
  assert.deepEqual(fetching?.info.phase, phase)
  const further = { ...phase, progress: { ...phase.progress, done: 9 } }
  assert.deepEqual((await store.sessions.recordPhase(id, further))?.info.phase, further)
  const running = await store.sessions.transition({ id, from: ['fetching'], move: { to: 'running' } })
  assert.equal(running?.info.phase, null)
  assert.ok(running.info.startedAt)
  const ending = await store.sessions.transition({
    id,
    from: ['running'],
    move: { to: 'ending', reason: 'killed' },
  })
  assert.equal(ending?.info.endReason, 'killed')
  const exit: SessionExit = { code: null, signal: 'SIGHUP', reason: 'killed' }
  const ended = await store.sessions.transition({ id, from: ['ending'], move: { to: 'ended', exit } })
  assert.deepEqual(ended?.info.exit, exit)
  assert.equal(ended.info.startedAt, running.info.startedAt)
  assert.ok(ended.info.endedAt)

  assert.equal(await store.sessions.readSealed(id), null)
  const runner = await store.runners.get(runnerId)
  assert.equal(runner?.state, 'lingering')
  assert.ok(runner.releasedAt)
  const events = await store.events.after(0, { sessionId: id })
  assert.deepEqual(
    events.map(({ seq: _seq, at: _at, sessionId: _id, ...rest }) => rest),
    [
      { type: 'created', state: 'scheduled' },
      { type: 'phase', state: 'fetching', phase },
      { type: 'phase', state: 'fetching', phase: further },
      { type: 'running', state: 'running' },
      { type: 'ending', state: 'ending', reason: 'killed' },
      { type: 'ended', state: 'ended', exit },
    ],
  )
})

test('a transition from another state, or of another runner, changes nothing and writes no event', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await blankRunner(store)
  const { info } = await store.sessions.create(
    newSession({ claimBlank: { driver: 'process', policy: 'test' } }),
  )
  const before = await store.sessions.find(info.id)

  assert.equal(
    await store.sessions.transition({ id: info.id, from: ['starting'], move: { to: 'running' } }),
    null,
  )
  const stranger = {
    id: info.id,
    from: ['scheduled'] as const,
    move: { to: 'running' } as const,
    runnerId: 'run_x',
  }
  assert.equal(await store.sessions.transition(stranger), null)
  assert.equal(await store.sessions.recordPhase(info.id, { phase: 'fetching' }), null)

  assert.deepEqual(await store.sessions.find(info.id), before)
  assert.equal((await store.events.after(0, { sessionId: info.id })).length, 1)
})

test('of twenty ends at once one is recorded', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())

  const results = await Promise.all(
    Array.from({ length: 20 }, (_, code) =>
      store.sessions.transition({
        id: info.id,
        from: ['queued'],
        move: { to: 'ended', exit: { ...EXIT, code } },
      }),
    ),
  )

  assert.equal(results.filter(Boolean).length, 1)
  const events = await store.events.after(0, { sessionId: info.id })
  assert.equal(events.filter(({ type }) => type === 'ended').length, 1)
})

test('an update changes lifetime and metadata of a live session and announces the new end', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession({ session: { lifetimeSeconds: 60 } }))

  const updated = await store.sessions.update({
    project: 'p1',
    id: info.id,
    lifetimeSeconds: 600,
    metadata: { a: 'b' },
  })
  assert.ok(updated)
  assert.deepEqual(updated.info.metadata, { a: 'b' })
  assert.ok(Math.abs(Date.parse(updated.info.expiresAt) - Date.now() - 600_000) < 5_000)
  const last = (await store.events.after(0, { sessionId: info.id })).at(-1)
  assert.ok(last?.type === 'updated')
  assert.equal(Date.parse(last.expiresAt), Date.parse(updated.info.expiresAt))

  assert.equal(await store.sessions.update({ project: 'p2', id: info.id, lifetimeSeconds: 5 }), null)
  await store.sessions.transition({ id: info.id, from: ['queued'], move: { to: 'ended', exit: EXIT } })
  assert.equal(await store.sessions.update({ project: 'p1', id: info.id, metadata: {} }), null)
})

test('a requeued session waits again, keeps its assignment, and its runner has ended', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())
  const runnerId = newId('run')
  assert.ok(
    await store.runners.insert({ id: runnerId, driver: 'process', policy: 'test', sessionId: info.id }),
  )
  assert.equal((await store.sessions.find(info.id))?.info.state, 'scheduled')

  const again = { id: info.id, runnerId, message: 'The runner did not come up.', retryAfterMs: 60_000 }
  const waiting = await store.sessions.requeue(again)

  assert.equal(waiting?.info.state, 'queued')
  assert.equal(waiting.runnerId, null)
  assert.equal(waiting.attempts, 1)
  assert.ok((waiting.retryAt?.getTime() ?? 0) > Date.now() + 30_000)
  assert.deepEqual(waiting.info.phase, { phase: 'queued', message: again.message })
  assert.equal((await store.runners.get(runnerId))?.state, 'ended')
  assert.ok(await store.sessions.readSealed(info.id))
  assert.equal(await store.sessions.requeue(again), null, 'a repeat changes nothing')
  assert.ok(
    await store.runners.insert({ id: newId('run'), driver: 'process', policy: 'test', sessionId: info.id }),
  )
})

test('a session whose runner took the assignment is not requeued', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const runnerId = await blankRunner(store)
  const { info } = await store.sessions.create(
    newSession({ claimBlank: { driver: 'process', policy: 'test' } }),
  )
  assert.equal(await store.runners.markAssigned(runnerId, info.id), true)
  assert.equal(await store.sessions.readSealed(info.id), null)

  assert.equal(await store.sessions.requeue({ id: info.id, runnerId, message: 'no', retryAfterMs: 0 }), null)
})

test('a runner that tells the end of its session had taken it, also when that was not noted yet', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const told = await blankRunner(store)
  const first = await store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } }))
  const move = { to: 'ended', exit: EXIT } as const
  assert.ok(await store.sessions.transition({ id: first.info.id, from: ['scheduled'], move, runnerId: told }))
  assert.equal(await store.runners.markAssigned(told, first.info.id), false)
  assert.equal((await store.runners.get(told))?.assigned, true)

  const untold = await blankRunner(store)
  const second = await store.sessions.create(
    newSession({ claimBlank: { driver: 'process', policy: 'test' } }),
  )
  await store.sessions.transition({
    id: second.info.id,
    from: ['scheduled'],
    move: { ...move, runner: 'ended' },
  })
  assert.equal((await store.runners.get(untold))?.assigned, false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SESSION_STATES, type SessionExit, type SessionInfo } from '@cliscale/sdk/protocol'
import { testDatabase } from '../support/database.ts'
import { inFull } from '../support/in-full.ts'
import { seededRandom } from '../support/random.ts'
import { runSql } from '../support/run-sql.ts'
import { newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'
import { newController } from './new-controller.ts'

const SLEEP = { command: 'sleep', args: ['1000'] }
const LIVE = SESSION_STATES.filter((state) => state !== 'ended')
const LOST: SessionExit = {
  code: null,
  signal: null,
  reason: 'failed',
  failure: { code: 'RUNNER_LOST', message: "The session's runner died." },
}

test('a session that is being ended ends for the reason of who began it, whatever is found out first', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const found: readonly SessionExit[] = [
    LOST,
    { code: 0, signal: null, reason: 'exited' },
    { code: null, signal: 'SIGHUP', reason: 'killed' },
    { code: null, signal: null, reason: 'expired' },
  ]
  for (const exit of found) {
    const { info } = await store.sessions.create(newSession())
    const move = { to: 'ending', reason: 'killed' } as const
    await store.sessions.transition({ id: info.id, from: LIVE, move })
    const end = { id: info.id, from: LIVE, move: { to: 'ended', exit } } as const
    const ended = await store.sessions.transition(end)
    const wanted = { code: exit.code, signal: exit.signal, reason: 'killed' }
    assert.equal(ended?.info.endReason, 'killed')
    assert.deepEqual(ended.info.exit, wanted)
    assert.equal(ended.info.failure, null)
    const told = (await store.events.after(0, { sessionId: info.id })).findLast(
      ({ type }) => type === 'ended',
    )
    assert.deepEqual(told?.type === 'ended' && told.exit, wanted)
    assert.equal(await store.sessions.transition(end), null)
  }
})

test('a runner that is lost with nobody ending its session is a failure', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())
  const ended = await store.sessions.transition({
    id: info.id,
    from: LIVE,
    move: { to: 'ended', exit: LOST },
  })
  assert.deepEqual([ended?.info.endReason, ended?.info.exit], ['failed', LOST])
})

test('a session that runs tells how its command ended, also before it is noted that its runner took it', async (t) => {
  const server = await newController(t)
  const { session } = await server.create(SLEEP)
  const runnerOf = async () => {
    const { runnerId } = (await server.store.sessions.find(session.id))!
    return runnerId === null ? null : await server.store.runners.get(runnerId)
  }
  await server.reaches(session.id, 'running')
  await waitFor(async () => (await runnerOf())?.assigned, { what: 'the assignment to be noted' })
  // As it was a moment ago: the runner's report that the command runs may come before the answer to the assignment.
  await runSql(server.connectionString, 'UPDATE cliscale.runners SET assigned = false')
  assert.equal((await server.call('DELETE', `/v1/sessions/${session.id}`)).status, 200)
  const { exit } = await server.reaches(session.id, 'ended')
  assert.equal(exit?.reason, 'killed')
  assert.ok(exit.signal !== null && (exit.code ?? 0) > 128, JSON.stringify(exit))
})

test('a fresh session that is ended twice at once ends once, as killed, at any moment of its start', async (t) => {
  const server = await newController(t)
  const random = seededRandom()
  for (let round = 0; round < inFull(40, 12); round += 1) {
    const { session } = await server.create(SLEEP)
    const createdAt = performance.now()
    const path = `/v1/sessions/${session.id}`
    const end = async (): Promise<{ status: number; body: SessionInfo }> => {
      const at = createdAt + random() * 120
      await waitFor(() => performance.now() >= at, { what: 'the moment' })
      return server.call<SessionInfo>('DELETE', path)
    }
    const answers = await Promise.all([end(), end()])
    for (const { status, body } of answers) {
      assert.equal(status, 200)
      assert.ok(body.state === 'ending' || body.state === 'ended', body.state)
      assert.equal(body.endReason, 'killed', `round ${round}`)
    }
    const ended = await server.reaches(session.id, 'ended')
    assert.deepEqual(
      [ended.endReason, ended.exit?.reason, ended.failure],
      ['killed', 'killed', null],
      `round ${round}`,
    )
    assert.deepEqual((await server.call<SessionInfo>('DELETE', path)).body, ended)
  }
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { waitFor } from '../support/wait-for.ts'
import { newController, type TestController } from './new-controller.ts'

const SLEEP = { command: 'sleep', args: ['1000'] }

async function positionOf(server: TestController, id: string): Promise<number | undefined> {
  return (await server.store.sessions.find(id))?.info.phase?.queuePosition
}

test('no more sessions run at once than may, and all have run in the end', async (t) => {
  const server = await newController(t, { flags: ['--max-sessions=3', '--spare-runners=1'] })
  let most = 0
  const made = await Promise.all(
    Array.from({ length: 12 }, () => server.create({ command: 'sleep', args: ['0.1'] })),
  )
  await waitFor(
    async () => {
      const { body } = await server.call<{ sessions: SessionInfo[] }>('GET', '/v1/sessions?limit=200')
      const busy = body.sessions.filter(({ state }) => state !== 'queued' && state !== 'ended')
      most = Math.max(most, busy.length)
      return body.sessions.every(({ state }) => state === 'ended')
    },
    { what: 'all sessions to end', withinMs: 30_000 },
  )
  assert.ok(most <= 3, `${most} at once`)
  for (const { session } of made) {
    assert.equal((await server.store.sessions.find(session.id))?.info.endReason, 'exited')
  }
})

test('a session that waits is told its place, and the place moves up', async (t) => {
  const server = await newController(t, { flags: ['--max-sessions=1'] })
  const first = await server.create(SLEEP)
  const second = await server.create(SLEEP)
  const third = await server.create(SLEEP)
  await waitFor(async () => (await positionOf(server, second.session.id)) === 1, { what: 'place 1' })
  await waitFor(async () => (await positionOf(server, third.session.id)) === 2, { what: 'place 2' })
  await server.call('DELETE', `/v1/sessions/${first.session.id}`)
  await server.reaches(second.session.id, 'running')
  await waitFor(async () => (await positionOf(server, third.session.id)) === 1, {
    what: 'the place to move up',
  })
})

test('an owner with many sessions in the queue does not keep another owner waiting', async (t) => {
  const server = await newController(t, { flags: ['--max-sessions=2'] })
  const first = await server.create({ ...SLEEP, owner: 'ann' })
  for (let i = 0; i < 6; i += 1) await server.create({ ...SLEEP, owner: 'ann' })
  const bens = await server.create({ ...SLEEP, owner: 'ben' })
  await waitFor(async () => (await positionOf(server, bens.session.id)) === 1, { what: "ben's place" })
  await server.call('DELETE', `/v1/sessions/${first.session.id}`)
  await server.reaches(bens.session.id, 'running')
})

test('a session that waits takes the place of one that leaves the queue', async (t) => {
  const server = await newController(t, { flags: ['--max-sessions=1'] })
  const first = await server.create(SLEEP)
  const waiting = await Promise.all([1, 2, 3].map(() => server.create(SLEEP)))
  for (const { session } of waiting.slice(0, 2)) await server.call('DELETE', `/v1/sessions/${session.id}`)
  const last = waiting[2]!.session.id
  await waitFor(async () => (await positionOf(server, last)) === 1, { what: 'the place to move up' })
  await server.call('DELETE', `/v1/sessions/${first.session.id}`)
  await server.reaches(last, 'running')
})

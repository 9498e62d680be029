import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse, ErrorBody, SessionInfo } from '@cliscale/sdk/protocol'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { newController, type TestController } from './new-controller.ts'

const SLEEP = { command: 'sleep', args: ['100'] }

const TEMPLATES = {
  templates: [
    { name: 'closed', ...SLEEP, recording: 'output', lifetimeSeconds: 60, allow: ['env', 'env.PATH'] },
    {
      name: 'open',
      ...SLEEP,
      recording: 'output',
      lifetimeSeconds: 60,
      allow: ['lifetimeSeconds', 'recording'],
    },
  ],
}

const FLAGS = ['--max-lifetime-seconds=600', '--default-lifetime-seconds=60']

async function controllerWith(t: TestContext): Promise<TestController> {
  const path = join(await temporaryFolder(t), 'templates.json')
  writeFileSync(path, JSON.stringify(TEMPLATES))
  return newController(t, { flags: [`--templates=${path}`, ...FLAGS] })
}

test('PATCH and DELETE leave what a template does not open', async (t) => {
  const server = await controllerWith(t)
  const { session } = await server.create({ template: 'closed' })
  const path = `/v1/sessions/${session.id}`
  for (const lifetimeSeconds of [5, 60, 600, 86_400]) {
    const { status, body } = await server.call<ErrorBody>('PATCH', path, {
      body: { lifetimeSeconds, metadata: { a: 'b' } },
    })
    assert.equal(status, 422)
    assert.deepEqual(
      body.error.details?.map(({ field }) => field),
      ['/lifetimeSeconds'],
    )
  }
  const deleted = await server.call<ErrorBody>('DELETE', `${path}/recording`)
  assert.equal(deleted.status, 403)
  assert.equal(deleted.body.error.code, 'FORBIDDEN')
  const { body } = await server.call<SessionInfo>('GET', path)
  assert.deepEqual([body.expiresAt, body.metadata], [session.expiresAt, {}])
  assert.equal(body.recording?.mode, 'output')
  const named = await server.call<SessionInfo>('PATCH', path, { body: { metadata: { name: 'mine' } } })
  assert.deepEqual(named.body.metadata, { name: 'mine' })
  assert.equal((await server.call('DELETE', path)).status, 200)
  await server.reaches(session.id, 'ended')
  assert.equal((await server.call('DELETE', `${path}/recording`)).status, 403)
})

test('what a template opens can be changed, up to the maximum from the creation on', async (t) => {
  const server = await controllerWith(t)
  const { session } = await server.create({ template: 'open' })
  const path = `/v1/sessions/${session.id}`
  await server.reaches(session.id, 'running')
  const extend = (lifetimeSeconds: number): Promise<{ status: number; body: SessionInfo }> =>
    server.call<SessionInfo>('PATCH', path, { body: { lifetimeSeconds } })
  assert.equal((await extend(601)).status, 422)
  const longer = await extend(300)
  assert.equal(longer.status, 200)
  assert.ok(longer.body.lifetimeSeconds >= 300)
  // Some time has passed since the creation, so the whole maximum is not left.
  assert.equal((await extend(600)).status, 422)
  const { body } = await server.call<SessionInfo>('GET', path)
  assert.ok(Date.parse(body.expiresAt) - Date.parse(body.createdAt) <= 600_000)
  assert.equal((await server.call('DELETE', `${path}/recording`)).status, 204)
})

test('a variable that could run something else is refused under a pinned command', async (t) => {
  const server = await controllerWith(t)
  const ask = async (env: Record<string, string>): Promise<[number, readonly string[] | undefined]> => {
    const body = { template: 'closed', env }
    const answer = await server.call<ErrorBody & CreateSessionResponse>('POST', '/v1/sessions', { body })
    return [answer.status, 'error' in answer.body ? answer.body.error.details?.map(({ field }) => field) : []]
  }
  assert.deepEqual(await ask({ BASH_ENV: '/tmp/x', NAME: 'a', LD_PRELOAD: '/tmp/x.so' }), [
    422,
    ['/env/BASH_ENV', '/env/LD_PRELOAD'],
  ])
  assert.deepEqual(await ask({ NAME: 'a', PATH: '/usr/bin:/bin' }), [201, []])
})

test('the store ends a life at the maximum, whatever it is asked', async (t) => {
  const server = await controllerWith(t)
  const { session } = await server.create({ template: 'open' })
  const { id, project } = session
  const updated = await server.store.sessions.update({
    project,
    id,
    lifetimeSeconds: 599,
    maxLifetimeSeconds: 100,
  })
  assert.equal(updated?.info.lifetimeSeconds, 100)
  assert.equal(Date.parse(updated.info.expiresAt) - Date.parse(updated.info.createdAt), 100_000)
})

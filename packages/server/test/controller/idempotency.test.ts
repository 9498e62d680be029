import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateSessionResponse, ErrorBody } from '@cliscale/sdk/protocol'
import { createApiKey } from '../../src/auth/api-keys.ts'
import { newController, type TestController } from './new-controller.ts'

const HEADERS = { 'idempotency-key': 'order-1' }
const SLEEP = { command: 'sleep', args: ['100'] }

interface Ask {
  readonly authorization?: string
  readonly body?: object
}

async function create(
  server: TestController,
  { authorization, body = SLEEP }: Ask,
): Promise<{ readonly status: number; readonly body: CreateSessionResponse }> {
  const who = authorization === undefined ? {} : { authorization }
  return server.call('POST', '/v1/sessions', { body, headers: HEADERS, ...who })
}

test('two owners with one Idempotency-Key get a session each, at the same time and with other bodies', async (t) => {
  const server = await newController(t)
  const alice = { authorization: 'User alice' }
  const bob = { authorization: 'User bob' }
  const first = await Promise.all([create(server, alice), create(server, bob)])
  assert.deepEqual(
    first.map(({ status, body }) => [status, body.session.owner]),
    [
      [201, 'alice'],
      [201, 'bob'],
    ],
  )
  const carol = await create(server, { authorization: 'User carol', body: { command: 'true' } })
  assert.equal(carol.status, 201)
  const again = await Promise.all([create(server, alice), create(server, bob)])
  assert.deepEqual(
    again.map(({ status, body }) => [status, body.session.id]),
    first.map(({ body }) => [200, body.session.id]),
  )
  assert.equal(new Set([...first, carol].map(({ body }) => body.session.id)).size, 3)
})

test('two projects with one Idempotency-Key know nothing of each other', async (t) => {
  const server = await newController(t)
  await server.store.projects.ensure('p2', 'Two')
  const scopes = ['sessions:read', 'sessions:write'] as const
  const { secret } = await createApiKey(server.store.apiKeys, { project: 'p2', name: 'two', scopes })
  const owner = { ...SLEEP, owner: 'alice' }
  const one = await create(server, { body: owner })
  const two = await create(server, { body: { ...owner, args: ['200'] }, authorization: `Bearer ${secret}` })
  assert.deepEqual([one.status, two.status], [201, 201])
  assert.deepEqual([one.body.session.project, two.body.session.project], ['p1', 'p2'])
})

test("an owner's key is the same whoever sends it, and another body with it is a conflict", async (t) => {
  const server = await newController(t)
  const own = await create(server, { authorization: 'User alice' })
  const byServer = await create(server, { body: { ...SLEEP, owner: 'alice' } })
  assert.deepEqual([own.status, byServer.status], [201, 200])
  assert.equal(byServer.body.session.id, own.body.session.id)
  const other = await server.call<ErrorBody>('POST', '/v1/sessions', {
    body: { command: 'true' },
    headers: HEADERS,
    authorization: 'User alice',
  })
  assert.equal(other.body.error.code, 'IDEMPOTENCY_MISMATCH')
})

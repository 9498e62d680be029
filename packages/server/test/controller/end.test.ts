import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { ErrorBody, SessionInfo, TerminalAccess } from '@cliscale/sdk/protocol'
import { waitFor } from '../support/wait-for.ts'
import { newController } from './new-controller.ts'

const SLEEP = { command: 'sleep', args: ['1000'] }

test('ending a session tells it at once, and its command is gone soon after', async (t) => {
  const server = await newController(t)
  const { session } = await server.create(SLEEP)
  await server.reaches(session.id, 'running')
  const answer = await server.call<SessionInfo>('DELETE', `/v1/sessions/${session.id}`)
  assert.equal(answer.status, 200)
  assert.ok(['ending', 'ended'].includes(answer.body.state))
  const ended = await server.reaches(session.id, 'ended')
  assert.equal(ended.endReason, 'killed')
  assert.equal(ended.exit?.reason, 'killed')
  assert.ok(ended.exit.signal !== null && (ended.exit.code ?? 0) > 128, JSON.stringify(ended.exit))
  const { runnerId } = (await server.store.sessions.find(session.id))!
  await waitFor(() => !existsSync(join(server.dataFolder, 'work', runnerId!)), {
    what: 'its folder to be removed',
  })
  await waitFor(async () => (await server.driver.inspect(runnerId!)) === null, {
    what: 'the runner to be gone',
  })
})

test('ending a session again changes nothing', async (t) => {
  const server = await newController(t)
  const { session } = await server.create(SLEEP)
  await server.reaches(session.id, 'running')
  const path = `/v1/sessions/${session.id}`
  const answers = await Promise.all([1, 2, 3].map(() => server.call<SessionInfo>('DELETE', path)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200],
  )
  const ended = await server.reaches(session.id, 'ended')
  const later = await server.call<SessionInfo>('DELETE', path)
  assert.deepEqual(later.body, ended)
  const types = (await server.store.events.after(0, { sessionId: session.id })).map(({ type }) => type)
  assert.equal(types.filter((type) => type === 'ending').length, 1)
  assert.equal(types.filter((type) => type === 'ended').length, 1)
})

test('a session that is ended while it starts leaves no runner', async (t) => {
  const server = await newController(t)
  for (let i = 0; i < 4; i += 1) {
    const { session } = await server.create(SLEEP)
    // Each round meets another moment of the start.
    await waitFor(async () => (await server.store.events.after(0, { sessionId: session.id })).length > i, {
      what: `event ${i + 1} of the session`,
    })
    await server.call('DELETE', `/v1/sessions/${session.id}`)
    assert.equal((await server.reaches(session.id, 'ended')).endReason, 'killed')
  }
  await waitFor(async () => (await server.driver.list()).length === 0, { what: 'every runner to be gone' })
  await waitFor(async () => (await server.store.runners.live()).length === 0, {
    what: 'their rows to say so',
  })
})

test('a session that waits in the queue ends without a runner', async (t) => {
  const server = await newController(t, { flags: ['--max-sessions=1'] })
  await server.create(SLEEP)
  const { session } = await server.create(SLEEP)
  const { body } = await server.call<SessionInfo>('DELETE', `/v1/sessions/${session.id}`)
  assert.equal(body.state, 'ended')
  assert.deepEqual(body.exit, { code: null, signal: null, reason: 'killed' })
})

test('a session ends when its lifetime is over', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ ...SLEEP, lifetimeSeconds: 5 })
  const ended = await server.reaches(session.id, 'ended')
  assert.equal(ended.endReason, 'expired')
  const lived = Date.parse(ended.endedAt!) - Date.parse(ended.createdAt)
  assert.ok(lived >= 4_900 && lived < 9_000, `it lived ${lived} ms`)
})

test('a session without a byte in either direction ends as idle', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ ...SLEEP, idleTimeoutSeconds: 1 })
  assert.equal((await server.reaches(session.id, 'ended')).endReason, 'idle')
})

test('a lifetime that is extended counts from now and reaches the runner', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ ...SLEEP, lifetimeSeconds: 5 })
  await server.reaches(session.id, 'running')
  const { status, body } = await server.call<SessionInfo>('PATCH', `/v1/sessions/${session.id}`, {
    body: { lifetimeSeconds: 60 },
  })
  assert.equal(status, 200)
  assert.ok(Math.abs(Date.parse(body.expiresAt) - Date.now() - 60_000) < 2_000)
  await waitFor(() => Date.now() > Date.parse(session.expiresAt) + 500, { what: 'its first end to pass' })
  assert.equal((await server.store.sessions.find(session.id))?.info.state, 'running')
})

test('a lifetime that is shortened ends the session sooner', async (t) => {
  const server = await newController(t)
  const { session } = await server.create(SLEEP)
  await server.reaches(session.id, 'running')
  await server.call('PATCH', `/v1/sessions/${session.id}`, { body: { lifetimeSeconds: 5 } })
  assert.equal((await server.reaches(session.id, 'ended')).endReason, 'expired')
})

test('metadata is replaced as a whole and found by its fields', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ ...SLEEP, metadata: { a: '1', b: '2' } })
  const path = `/v1/sessions/${session.id}`
  const { body } = await server.call<SessionInfo>('PATCH', path, { body: { metadata: { c: '3' } } })
  assert.deepEqual(body.metadata, { c: '3' })
  const find = async (filter: string): Promise<number> =>
    (await server.call<{ sessions: SessionInfo[] }>('GET', `/v1/sessions?${filter}`)).body.sessions.length
  assert.equal(await find(`${encodeURIComponent('metadata[c]')}=3`), 1)
  assert.equal(await find(`${encodeURIComponent('metadata[a]')}=1`), 0)
  assert.equal(await find('state=live&limit=1'), 1)
  const wrong = await server.call<ErrorBody>('GET', '/v1/sessions?colour=red')
  assert.equal(wrong.body.error.code, 'UNKNOWN_FIELD')
})

test('a session that is over cannot be changed, but who has not read all of it gets in', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ command: 'true' })
  await server.reaches(session.id, 'ended')
  const path = `/v1/sessions/${session.id}`
  const patched = await server.call<ErrorBody>('PATCH', path, { body: { lifetimeSeconds: 60 } })
  assert.equal(patched.status, 410)
  assert.equal(patched.body.error.code, 'SESSION_ENDED')
  const token = await server.call<TerminalAccess>('POST', `${path}/tokens`, { body: {} })
  assert.equal(token.status, 201)
})

test("somebody else's session is answered like one that never was", async (t) => {
  const server = await newController(t)
  const { session } = await server.create(SLEEP, { authorization: 'User ann' })
  assert.equal(session.owner, 'ann')
  const path = `/v1/sessions/${session.id}`
  const calls: [string, string, unknown][] = [
    ['GET', path, undefined],
    ['DELETE', path, undefined],
    ['PATCH', path, { lifetimeSeconds: 60 }],
    ['POST', `${path}/tokens`, {}],
    ['GET', `${path}/events`, undefined],
    ['GET', '/v1/sessions/ses_aaaaaaaaaaaaaaaaaaaaaa', undefined],
    ['GET', '/v1/sessions/%00', undefined],
  ]
  const bodies = new Set<string>()
  for (const [method, address, body] of calls) {
    const options = { authorization: 'User ben', ...(body === undefined ? {} : { body }) }
    const answer = await server.call<ErrorBody>(method, address, options)
    assert.equal(answer.status, 404, `${method} ${address}`)
    bodies.add(JSON.stringify({ ...answer.body.error, requestId: '' }))
  }
  assert.equal(bodies.size, 1)
  const list = await server.call<{ sessions: unknown[] }>('GET', '/v1/sessions', {
    authorization: 'User ben',
  })
  assert.deepEqual(list.body.sessions, [])
  const own = await server.call<SessionInfo>('GET', path, { authorization: 'User ann' })
  assert.equal(own.status, 200)
})

test('an end user cannot act for another owner', async (t) => {
  const server = await newController(t)
  const options = { authorization: 'User ann' }
  const create = await server.call<ErrorBody>('POST', '/v1/sessions', { ...options, body: { owner: 'ben' } })
  const list = await server.call<ErrorBody>('GET', '/v1/sessions?owner=ben', options)
  for (const answer of [create, list]) {
    assert.equal(answer.status, 403)
    assert.equal(answer.body.error.code, 'FORBIDDEN')
  }
  const nobody = await server.call<ErrorBody>('GET', '/v1/sessions', { authorization: '' })
  assert.equal(nobody.status, 401)
})

test('a new token has the role and the life that were asked for', async (t) => {
  const server = await newController(t)
  const { session } = await server.create(SLEEP)
  const { status, body } = await server.call<{ token: string; role: string; expiresAt: string }>(
    'POST',
    `/v1/sessions/${session.id}/tokens`,
    { body: { role: 'observer', ttlSeconds: 300 } },
  )
  assert.equal(status, 201)
  assert.equal(body.role, 'observer')
  assert.ok(Math.abs(Date.parse(body.expiresAt) - Date.now() - 300_000) < 2_000)
  const claims = JSON.parse(Buffer.from(body.token.split('.')[1]!, 'base64url').toString()) as { jti: string }
  assert.equal((await server.store.tokens.redeem(claims.jti)).outcome, 'redeemed')
})

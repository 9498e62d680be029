import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateSessionResponse, ErrorBody, SessionInfo } from '@cliscale/sdk/protocol'
import { waitFor } from '../support/wait-for.ts'
import { newController } from './new-controller.ts'

test('create answers at once with a session and a terminal address that is complete', async (t) => {
  const server = await newController(t)
  const { status, body, headers } = await server.call<CreateSessionResponse>('POST', '/v1/sessions', {
    body: {},
  })
  assert.equal(status, 201)
  assert.equal(headers.get('location'), `/v1/sessions/${body.session.id}`)
  assert.match(body.session.id, /^ses_[A-Za-z0-9_-]{22}$/)
  assert.equal(body.session.template, 'shell')
  assert.equal(body.session.project, 'p1')
  assert.match(body.session.owner, /^key:/)
  assert.equal(body.terminal.role, 'driver')
  assert.equal(
    body.terminal.url,
    `${server.url.replace('http', 'ws')}/v1/sessions/${body.session.id}/terminal`,
  )
  assert.ok(!body.terminal.url.includes(body.terminal.token))
})

test('a public address makes wss terminal addresses', async (t) => {
  const server = await newController(t, { flags: ['--public-url=https://terminals.example.com/cli/'] })
  const { session, terminal } = await server.create()
  assert.equal(terminal.url, `wss://terminals.example.com/cli/v1/sessions/${session.id}/terminal`)
})

test('a command runs to its end and its exit code is told', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ command: 'sh', args: ['-c', 'exit 7'] })
  const ended = await server.reaches(session.id, 'ended')
  assert.deepEqual(ended.exit, { code: 7, signal: null, reason: 'exited' })
  assert.equal(ended.endReason, 'exited')
  assert.ok(ended.startedAt !== null && ended.endedAt !== null)
})

test('a command that does not exist fails with 127 and a hint that names it', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ command: 'no-such-command-here' })
  const ended = await server.reaches(session.id, 'ended')
  assert.equal(ended.exit?.code, 127)
  assert.equal(ended.endReason, 'failed')
  assert.equal(ended.failure?.code, 'COMMAND_NOT_FOUND')
  assert.match(ended.failure.message, /no-such-command-here/)
})

test('env and secrets reach the command and nothing of the server does', async (t) => {
  process.env.DATABASE_URL = 'postgres://user:password@host/db'
  t.after(() => delete process.env.DATABASE_URL)
  const server = await newController(t)
  const check =
    'test "$A" = env && test "$B" = secret && test -z "$DATABASE_URL$NODE_COMPILE_CACHE" && exit 3'
  const { session } = await server.create({
    command: 'sh',
    args: ['-c', check],
    env: { A: 'env' },
    secrets: { B: 'secret' },
  })
  assert.equal((await server.reaches(session.id, 'ended')).exit?.code, 3)
})

test('no answer and no row of a session that runs holds a secret', async (t) => {
  const server = await newController(t)
  const secret = 'hunter2-hunter2'
  const { session } = await server.create({ command: 'sleep', args: ['100'], secrets: { PASSWORD: secret } })
  const running = await server.reaches(session.id, 'running')
  assert.ok(!JSON.stringify(running).includes(secret))
  // The runner may tell that it runs before it is noted that it took the assignment, which erases it.
  await waitFor(async () => (await server.store.sessions.readSealed(session.id)) === null, {
    what: 'the assignment to be erased',
  })
})

test('a session starts from a spare runner without another program', async (t) => {
  const server = await newController(t, { flags: ['--spare-runners=1'] })
  const spare = await waitForSpare(server)
  const { session } = await server.create({ command: 'sleep', args: ['100'] })
  await server.reaches(session.id, 'running')
  assert.equal((await server.store.sessions.find(session.id))?.runnerId, spare)
  assert.notEqual(await waitForSpare(server), spare)
})

test('a spare runner that died is replaced, and a session that was given a dead one starts all the same', async (t) => {
  const server = await newController(t, { flags: ['--spare-runners=1'] })
  const spare = await waitForSpare(server)
  const seen = await server.driver.inspect(spare)
  process.kill(Number(seen?.externalId), 'SIGKILL')
  const { session } = await server.create({ command: 'sleep', args: ['100'] })
  await server.reaches(session.id, 'running')
  assert.notEqual((await server.store.sessions.find(session.id))?.runnerId, spare)
  assert.notEqual(await waitForSpare(server), spare)
})

test('twenty sessions at once all run to their end', async (t) => {
  const server = await newController(t, { flags: ['--spare-runners=2'] })
  const made = await Promise.all(
    Array.from({ length: 20 }, (_, i) => server.create({ command: 'sh', args: ['-c', `exit ${i}`] })),
  )
  const ended = await Promise.all(made.map(({ session }) => server.reaches(session.id, 'ended')))
  assert.deepEqual(
    ended.map(({ exit }) => exit?.code),
    ended.map((_, i) => i),
  )
})

test('a repeat with the same Idempotency-Key finds the session, another body is refused', async (t) => {
  const server = await newController(t)
  const headers = { 'idempotency-key': 'once' }
  const body = { command: 'sleep', args: ['100'], metadata: { a: '1', b: '2' } }
  const same = { metadata: { b: '2', a: '1' }, args: ['100'], command: 'sleep' }
  const answers = await Promise.all(
    [body, same, body].map((each) =>
      server.call<CreateSessionResponse>('POST', '/v1/sessions', { body: each, headers }),
    ),
  )
  assert.deepEqual(
    answers.map(({ status }) => status).toSorted((a, b) => a - b),
    [200, 200, 201],
  )
  assert.equal(new Set(answers.map((answer) => answer.body.session.id)).size, 1)
  assert.equal(new Set(answers.map((answer) => answer.body.terminal.token)).size, 3)
  const other = await server.call<ErrorBody>('POST', '/v1/sessions', { body: { command: 'ls' }, headers })
  assert.equal(other.status, 409)
  assert.equal(other.body.error.code, 'IDEMPOTENCY_MISMATCH')
  const list = await server.call<{ sessions: SessionInfo[] }>('GET', '/v1/sessions')
  assert.equal(list.body.sessions.length, 1)
})

test('bad requests are refused with a code and the field', async (t) => {
  const flags = ['--max-lifetime-seconds=600', '--default-lifetime-seconds=600']
  const server = await newController(t, { flags })
  const cases: [unknown, string, string | undefined][] = [
    [{ template: 'nope' }, 'TEMPLATE_NOT_FOUND', undefined],
    [{ colour: 'red' }, 'UNKNOWN_FIELD', '/colour'],
    [{ columns: 0 }, 'VALIDATION_FAILED', '/columns'],
    [{ args: ['a\0b'] }, 'VALIDATION_FAILED', '/args/0'],
    [{ env: { '1A': 'x' } }, 'VALIDATION_FAILED', undefined],
    [{ cwd: '../..' }, 'VALIDATION_FAILED', '/cwd'],
    [{ lifetimeSeconds: 601 }, 'VALIDATION_FAILED', '/lifetimeSeconds'],
    [{ bundle: { url: 'file:///etc/passwd', sha256: 'a'.repeat(64) } }, 'VALIDATION_FAILED', '/bundle/url'],
  ]
  for (const [body, code, field] of cases) {
    const { status, body: answer } = await server.call<ErrorBody>('POST', '/v1/sessions', { body })
    assert.equal(status, 422, JSON.stringify(answer))
    assert.equal(answer.error.code, code)
    if (field !== undefined) assert.equal(answer.error.details?.[0]?.field, field)
  }
  const header = { 'idempotency-key': 'x'.repeat(200) }
  const { body } = await server.call<ErrorBody>('POST', '/v1/sessions', { body: {}, headers: header })
  assert.equal(body.error.code, 'VALIDATION_FAILED')
})

test('an owner over its quota is refused', async (t) => {
  const server = await newController(t, { limits: { perOwner: 1, perProject: 2 } })
  await server.create({ command: 'sleep', args: ['100'], owner: 'ann' })
  const again = await server.call<ErrorBody>('POST', '/v1/sessions', { body: { owner: 'ann' } })
  assert.equal(again.status, 429)
  assert.equal(again.body.error.code, 'QUOTA_EXCEEDED')
  await server.create({ command: 'sleep', args: ['100'], owner: 'ben' })
})

async function waitForSpare(server: Awaited<ReturnType<typeof newController>>): Promise<string> {
  const { waitFor } = await import('../support/wait-for.ts')
  return waitFor(async () => (await server.store.runners.live()).find(({ state }) => state === 'blank')?.id, {
    what: 'a spare runner',
  })
}

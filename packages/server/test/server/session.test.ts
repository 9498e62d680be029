import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateSessionResponse, ErrorBody, TerminalAccess } from '@cliscale/sdk/protocol'
import { connectTerminal } from '../gateway/support/terminal-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

async function create(server: TestServer, body: object): Promise<CreateSessionResponse> {
  const response = await server.call('POST', '/v1/sessions', body)
  assert.equal(response.status, 201)
  return (await response.json()) as CreateSessionResponse
}

async function refused(server: TestServer, method: string, path: string, body?: unknown): Promise<string> {
  const response = await server.call(method, path, body)
  const { error } = (await response.json()) as ErrorBody
  assert.match(error.message, /^[A-Z/a-z].*\.$/)
  return `${response.status} ${error.code}`
}

test('a wrong call is refused with a code and a sentence, and starts nothing', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const sessions = '/v1/sessions'
  assert.equal(await refused(server, 'POST', sessions, { template: 'none' }), '422 TEMPLATE_NOT_FOUND')
  assert.equal(await refused(server, 'POST', sessions, { colour: 'red' }), '422 UNKNOWN_FIELD')
  assert.equal(await refused(server, 'POST', sessions, { columns: 0 }), '422 VALIDATION_FAILED')
  assert.equal(
    await refused(server, 'POST', sessions, { env: { A: 'x'.repeat(300_000) } }),
    '413 BODY_TOO_LARGE',
  )
  for (const id of ['ses_0123456789abcdefghijkl', 'x', '..%2f..'])
    assert.equal(await refused(server, 'GET', `${sessions}/${id}`), '404 SESSION_NOT_FOUND', id)
  const list = (await (await server.call('GET', sessions)).json()) as { sessions: unknown[] }
  assert.deepEqual(list.sessions, [])
})

test('a command that does not exist fails in the terminal with 127 and its name', async (t) => {
  const server = await startTestServer(t)
  const { terminal } = await create(server, { command: 'no-such-command' })
  const client = connectTerminal(t, terminal.url, { token: terminal.token })
  await waitFor(() => client.socket.readyState === client.socket.OPEN, { what: 'the handshake' })
  client.send({ type: 'hello', v: 1, client: crypto.randomUUID(), columns: 80, rows: 24, input: 0 })
  const { exit } = await client.got('exit')
  assert.deepEqual([exit.code, exit.reason, exit.failure?.code], [127, 'failed', 'COMMAND_NOT_FOUND'])
  assert.match(exit.failure?.message ?? '', /no-such-command/)
})

test('of 100 parallel upgrades with one token exactly one opens the terminal', async (t) => {
  const server = await startTestServer(t)
  const { terminal } = await create(server, { command: 'cat' })
  const clients = Array.from({ length: 100 }, () =>
    connectTerminal(t, terminal.url, { token: terminal.token }),
  )
  await waitFor(() => clients.filter(({ closed }) => closed !== null).length === 99, { what: '99 refusals' })
  const refusals = clients.flatMap(({ closed, messages }) =>
    closed === null ? [] : [[closed.code, messages]],
  )
  for (const [code, messages] of refusals) {
    assert.equal(code, 4401)
    assert.match(JSON.stringify(messages), /"TOKEN_USED"/)
  }
  assert.equal(clients.filter(({ closed }) => closed === null).length, 1)
})

test('a token of another session, a made-up one and none at all are typed refusals', async (t) => {
  const server = await startTestServer(t)
  const one = await create(server, { command: 'cat' })
  const other = await create(server, { command: 'cat' })
  const cases: readonly (readonly [Partial<TerminalAccess>, string])[] = [
    [{ token: other.terminal.token }, 'TOKEN_INVALID'],
    [{ token: 'made.up.token' }, 'TOKEN_INVALID'],
    [{ token: server.apiKey }, 'TOKEN_INVALID'],
    [{}, 'TOKEN_MISSING'],
  ]
  for (const [{ token }, code] of cases) {
    const client = connectTerminal(t, one.terminal.url, token === undefined ? {} : { token })
    assert.equal((await client.got('error')).error.code, code)
    assert.equal((await client.over()).code, 4401)
  }
})

test('metrics of both roles are on the internal port only', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const metrics = await (await fetch(`${server.internalUrl}/metrics`)).text()
  for (const name of [
    'cliscale_controller_active_sessions',
    'cliscale_gateway_connections',
    'process_open_fds',
  ])
    assert.match(metrics, new RegExp(`^${name}`, 'm'))
  assert.equal(await refused(server, 'GET', '/metrics'), '404 NOT_FOUND')
  assert.equal((await fetch(`${server.internalUrl}/v1/sessions`)).status, 404)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  CreateSessionResponse,
  ErrorBody,
  HealthResponse,
  SessionInfo,
  TerminalAccess,
} from '@cliscale/sdk/protocol'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { connectTerminal, type TerminalClient } from '../gateway/support/terminal-client.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

const settings = { fsync: 'off', synchronous_commit: 'off' }

test('without its database the server says so, open terminals stay, and it recovers by itself', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const first = await startEmbeddedPostgres({ dataDir, settings })
  cleanup.after(() => first.stop())
  const server = await startTestServer(cleanup, { env: { DATABASE_URL: first.connectionString } })
  const { session, terminal } = await create(server)
  const client = connectTerminal(cleanup, terminal.url, { token: terminal.token })
  await hello(client)
  await types(client, 'before')
  const spare = await token(server, session.id)

  await first.stop()
  await saysThatItIsGone(server)
  await types(client, 'during')
  const refused = connectTerminal(cleanup, spare.url, { token: spare.token })
  assert.equal((await refused.over()).code, 1013)
  assert.equal((await refused.got('error')).error.code, 'DATABASE_UNAVAILABLE')

  const second = await startEmbeddedPostgres({ dataDir, settings })
  cleanup.after(() => second.stop())
  assert.equal(second.connectionString, first.connectionString)
  await waitFor(async () => (await fetch(`${server.baseUrl}/readyz`)).status === 200, { what: 'readiness' })
  await types(client, 'after')
  const found = (await (await server.call('GET', `/v1/sessions/${session.id}`)).json()) as SessionInfo
  assert.equal(found.state, 'running')
  const again = connectTerminal(cleanup, terminal.url, { token: (await token(server, session.id)).token })
  await hello(again)
  await create(server)
  assert.equal(client.closed, null)
})

test('a server whose database is gone still stops at once, also with a session on its way', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const postgres = await startEmbeddedPostgres({ dataDir, settings })
  cleanup.after(() => postgres.stop())
  const env = { DATABASE_URL: postgres.connectionString }
  const server = await startTestServer(cleanup, { env, flags: ['--spare-runners=0'] })
  await create(server)
  await postgres.stop()
  const startedAt = performance.now()
  await server.server.close()
  assert.ok(performance.now() - startedAt < 8_000)
})

async function saysThatItIsGone(server: TestServer): Promise<void> {
  const calls: readonly (readonly [string, string, unknown?])[] = [
    ['GET', '/v1/sessions'],
    ['POST', '/v1/sessions', {}],
    ['GET', '/v1/sessions/ses_0123456789abcdefghijkl'],
    ['GET', '/.well-known/jwks.json'],
  ]
  for (const [method, path, body] of calls) {
    const response = await server.call(method, path, body)
    const { error } = (await response.json()) as ErrorBody
    assert.deepEqual([response.status, error.code], [503, 'DATABASE_UNAVAILABLE'], path)
    assert.ok(Number(response.headers.get('retry-after')) >= 1)
  }
  const ready = await fetch(`${server.baseUrl}/readyz`)
  assert.equal(ready.status, 503)
  const { status, checks } = (await ready.json()) as HealthResponse
  assert.equal(status, 'unavailable')
  assert.match(checks.database ?? '', /database/)
  assert.equal((await fetch(`${server.baseUrl}/healthz`)).status, 200)
  assert.equal((await fetch(`${server.internalUrl}/readyz`)).status, 503)
}

async function create(server: TestServer): Promise<CreateSessionResponse> {
  const response = await server.call('POST', '/v1/sessions', { command: 'cat' })
  assert.equal(response.status, 201)
  return (await response.json()) as CreateSessionResponse
}

async function token(server: TestServer, id: string): Promise<TerminalAccess> {
  const response = await server.call('POST', `/v1/sessions/${id}/tokens`, {})
  assert.equal(response.status, 201)
  return (await response.json()) as TerminalAccess
}

async function hello(client: TerminalClient): Promise<void> {
  await waitFor(() => client.socket.readyState === client.socket.OPEN, { what: 'the handshake' })
  client.send({ type: 'hello', v: 1, client: crypto.randomUUID(), columns: 80, rows: 24, input: 0 })
  await client.got('ready')
}

/** Types a line and waits until the command has it back. */
async function types(client: TerminalClient, text: string): Promise<void> {
  client.send({ type: 'input', data: Buffer.from(`${text}\r`) })
  const printed = (): number => outputOf(client).split(text).length - 1
  await waitFor(() => printed() >= 2, { what: `"${text}" from the terminal and from the command` })
}

function outputOf(client: TerminalClient): string {
  return client.messages
    .map((message) => (message.type === 'output' ? Buffer.from(message.data).toString('latin1') : ''))
    .join('')
}

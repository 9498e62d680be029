import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse } from '@cliscale/sdk/protocol'
import { connectTerminal } from '../gateway/support/terminal-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

const SAYS = {
  'x-forwarded-for': '203.0.113.9',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'app.example',
}

const FLAGS = ['--spare-runners=0', '--allowed-hosts=app.example']
const TRUSTING = [...FLAGS, '--trusted-proxies=127.0.0.1']

interface Asked {
  readonly baseUrl: string
  readonly apiKey: string
}

async function create({ baseUrl, apiKey }: Asked, headers: object = SAYS): Promise<Response> {
  return fetch(`${baseUrl}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ command: 'cat' }),
  })
}

async function terminalUrl(response: Response): Promise<string> {
  assert.equal(response.status, 201)
  return ((await response.json()) as CreateSessionResponse).terminal.url
}

async function signIn(server: TestServer): Promise<string> {
  const code = new URL(await server.server.createConsoleLink()).hash.slice('#code='.length)
  const response = await fetch(`${server.baseUrl}/v1/console/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...SAYS },
    body: JSON.stringify({ code }),
  })
  assert.equal(response.status, 204)
  return response.headers.get('set-cookie') ?? ''
}

test('headers of a peer that is no trusted proxy change nothing', async (t) => {
  const server = await startTestServer(t, { flags: FLAGS })
  const { host, port } = new URL(server.baseUrl)
  assert.ok((await terminalUrl(await create(server))).startsWith(`ws://${host}/`))
  const cookie = await signIn(server)
  assert.ok(cookie.startsWith(`cliscale_console_${port}=`) && !cookie.includes('Secure'))
  assert.equal((await create(server, { 'x-forwarded-host': 'evil.example' })).status, 201)
  assert.doesNotMatch(server.logged(), /203\.0\.113\.9/)
  assert.match(server.logged(), /"address":"127\.0\.0\.1"/)
})

test('of a trusted proxy they say where the client is, how it came and which host it asked', async (t) => {
  const server = await startTestServer(t, { flags: TRUSTING })
  assert.ok((await terminalUrl(await create(server))).startsWith('wss://app.example/'))
  const cookie = await signIn(server)
  assert.match(cookie, /^__Host-cliscale_console=csc_[\w-]+; Path=\/; .*; Secure$/)
  const own = { cookie: cookie.split(';')[0] ?? '', ...SAYS, origin: 'https://app.example' }
  const asked = await fetch(`${server.baseUrl}/v1/sessions`, { headers: own })
  assert.equal(asked.status, 200)
  const refused = await create(server, { ...SAYS, 'x-forwarded-host': 'evil.example' })
  assert.equal(refused.status, 403)
  await create(server, { 'x-forwarded-for': '9.9.9.9, 198.51.100.7' })
  assert.match(server.logged(), /"path":"\/v1\/sessions".*"address":"203\.0\.113\.9"/)
  assert.match(server.logged(), /"address":"198\.51\.100\.7"/)
  assert.doesNotMatch(server.logged(), /"address":"9\.9\.9\.9"/)
})

async function openTerminal(
  t: TestContext,
  server: TestServer,
  headers: Record<string, string>,
): Promise<number> {
  const { session, terminal } = (await (await create(server, {})).json()) as CreateSessionResponse
  const url = `${server.baseUrl.replace('http', 'ws')}/v1/sessions/${session.id}/terminal`
  const client = connectTerminal(t, url, { token: terminal.token, headers })
  await waitFor(() => client.closed !== null || client.socket.readyState === 1, { what: 'an answer' })
  const [first] = client.messages
  await waitFor(() => client.closed !== null || client.messages.length > 0, { what: 'a message' })
  client.socket.close()
  return client.closed?.code ?? (first?.type === 'error' ? 4403 : 0)
}

test('terminals know the client of a trusted proxy as well, and of nobody else', async (t) => {
  const trusting = await startTestServer(t, { flags: TRUSTING })
  const page = { ...SAYS, origin: 'https://app.example' }
  assert.equal(await openTerminal(t, trusting, page), 0)
  assert.match(trusting.logged(), /"address":"203\.0\.113\.9","msg":"Opened a terminal"/)
  const other = await startTestServer(t, { flags: FLAGS })
  assert.equal(await openTerminal(t, other, page), 4403)
  assert.doesNotMatch(other.logged(), /203\.0\.113\.9/)
})

for (const [what, flags, wanted] of [
  ['nobody', FLAGS, /^ws:\/\/127\.0\.0\.1:\d+\//],
  ['the proxy', TRUSTING, /^wss:\/\/app\.example\//],
] as const)
  test(`behind workers that trust ${what} the controller sees the same`, async (t) => {
    const server = await spawnServer(t, { flags: [...flags, '--workers=2'] })
    assert.match(await terminalUrl(await create(server)), wanted)
  })

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateSessionResponse, SessionInfo, TerminalAccess } from '@cliscale/sdk/protocol'
import { connectTerminal, type TerminalClient } from '../gateway/support/terminal-client.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder, runnerPids } from '../support/data-folder.ts'
import { callApi, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

test('after kill -9 with five live sessions a new server has them all, and nothing is left over', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const first = await spawnServer(cleanup, { dataDir, flags: ['--spare-runners=1'] })
  const made = await Promise.all(Array.from({ length: 5 }, () => create(first)))
  const terminals = await Promise.all(made.map(({ terminal }) => open(cleanup, terminal.url, terminal.token)))
  for (const [index, client] of terminals.entries()) await types(client, `before-${index}`)

  assert.equal(await first.stop('SIGKILL'), null)
  const second = await spawnServer(cleanup, { dataDir, flags: ['--spare-runners=1'], apiKey: first.apiKey })
  const sessions = await Promise.all(made.map(({ session }) => get(second, session.id)))
  assert.deepEqual(
    sessions.map(({ state }) => state),
    Array.from({ length: 5 }, () => 'running'),
  )
  for (const [index, { session }] of made.entries()) {
    const { url, token } = await newToken(second, session.id)
    const client = await open(cleanup, url, token)
    await waitFor(() => outputOf(client).includes(`before-${index}`), { what: 'what was there before' })
    await types(client, `after-${index}`)
  }

  for (const { session } of made) {
    const ended = await call(second, 'DELETE', `/v1/sessions/${session.id}`)
    assert.ok(ended.ok)
  }
  for (const { session } of made)
    await waitFor(async () => (await get(second, session.id)).state === 'ended', {
      what: 'the end of each session',
    })
  // What stays is the one spare runner.
  await waitFor(async () => (await runnerPids(dataDir)).length <= 1, {
    what: 'the end of the runners',
    withinMs: 45_000,
  })
})

const call = (server: SpawnedServer, method: string, path: string, body?: unknown): Promise<Response> =>
  callApi(server, { method, path, body })

async function create(server: SpawnedServer): Promise<CreateSessionResponse> {
  const response = await call(server, 'POST', '/v1/sessions', { command: 'cat' })
  assert.equal(response.status, 201)
  return (await response.json()) as CreateSessionResponse
}

async function get(server: SpawnedServer, id: string): Promise<SessionInfo> {
  return (await (await call(server, 'GET', `/v1/sessions/${id}`)).json()) as SessionInfo
}

async function newToken(server: SpawnedServer, id: string): Promise<TerminalAccess> {
  return (await (await call(server, 'POST', `/v1/sessions/${id}/tokens`, {})).json()) as TerminalAccess
}

async function open(
  t: Parameters<typeof connectTerminal>[0],
  url: string,
  token: string,
): Promise<TerminalClient> {
  const client = connectTerminal(t, url, { token })
  await waitFor(() => client.socket.readyState === client.socket.OPEN, { what: 'the handshake' })
  client.send({ type: 'hello', v: 1, client: crypto.randomUUID(), columns: 80, rows: 24, input: 0 })
  await client.got('ready')
  return client
}

/** Types a line and waits until the command has it back. */
async function types(client: TerminalClient, text: string): Promise<void> {
  client.send({ type: 'input', data: Buffer.from(`${text}\r`) })
  await waitFor(() => outputOf(client).split(text).length > 2, { what: `"${text}" twice` })
}

function outputOf(client: TerminalClient): string {
  return client.messages
    .map((message) => (message.type === 'output' ? Buffer.from(message.data).toString('latin1') : ''))
    .join('')
}

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse, ErrorBody } from '@cliscale/sdk/protocol'
import { connectTerminal } from '../gateway/support/terminal-client.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import {
  callApi,
  cleanEnvironment,
  runCli,
  type SpawnedServer,
  spawnServer,
} from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

async function serverWith(t: TestContext, ...flags: readonly string[]): Promise<SpawnedServer> {
  const env = { DATABASE_URL: (await testDatabase(t)).connectionString }
  return await spawnServer(t, { env, flags: ['--spare-runners=0', '--log-format=json', ...flags] })
}

function create(server: SpawnedServer, owner?: string): Promise<Response> {
  const body = { command: 'cat', ...(owner === undefined ? {} : { owner }) }
  return callApi(server, { method: 'POST', path: '/v1/sessions', body })
}

async function codeOf(answer: Response): Promise<string> {
  return answer.ok ? 'ok' : ((await answer.json()) as ErrorBody).error.code
}

test('an owner and a project have no more live sessions than the options say', async (t) => {
  const server = await serverWith(backwards(t), '--max-sessions-per-owner=1', '--max-sessions-per-project=2')
  const codes: string[] = []
  for (const owner of ['ada', 'ada', 'bob', 'eve']) codes.push(await codeOf(await create(server, owner)))
  assert.deepEqual(codes, ['ok', 'QUOTA_EXCEEDED', 'ok', 'QUOTA_EXCEEDED'])
})

test('no more terminals wait for their runners than the option says', async (t) => {
  const cleanup = backwards(t)
  const server = await serverWith(cleanup, '--max-sessions=1', '--max-waiting-terminals=1')
  assert.equal((await create(server)).status, 201)
  const open = async (): Promise<ReturnType<typeof connectTerminal>> => {
    const { terminal } = (await (await create(server)).json()) as CreateSessionResponse
    return connectTerminal(cleanup, terminal.url, { token: terminal.token })
  }
  const first = await open()
  await waitFor(() => first.messages.length > 0, { what: 'a phase' })
  const second = await open()
  assert.equal((await second.got('error')).error.code, 'OVERLOADED')
  first.socket.terminate()
  await once(first.socket, 'close')
  await waitFor(
    async () => {
      const next = await open()
      await waitFor(() => next.messages.length > 0, { what: 'an answer' })
      return next.messages[0]?.type === 'phase'
    },
    { what: 'a place in the waiting room' },
  )
})

test('terminals are pinged as often as the option says', async (t) => {
  const cleanup = backwards(t)
  const server = await serverWith(cleanup, '--ping-interval-seconds=1', '--pong-timeout-seconds=1')
  const { terminal } = (await (await create(server)).json()) as CreateSessionResponse
  const { socket } = connectTerminal(cleanup, terminal.url, { token: terminal.token })
  let pings = 0
  socket.on('ping', () => (pings += 1))
  await waitFor(() => pings >= 2, { what: 'two pings', withinMs: 15_000 })
})

test('a module of the operator says who calls, before API keys do', async (t) => {
  const cleanup = backwards(t)
  const module = join(await temporaryFolder(cleanup), 'verifiers.mjs')
  await writeFile(
    module,
    `export default async () => [{ verify: async ({ headers }) => headers['x-user'] === undefined ? null :
      { subject: headers['x-user'], project: 'default', scopes: ['sessions:read', 'sessions:write'], actsForOthers: false, ambient: false } }]`,
  )
  const { baseUrl } = await serverWith(cleanup, `--verifiers-module=${module}`)
  const headers = { 'x-user': 'ada', 'content-type': 'application/json' }
  const made = await fetch(`${baseUrl}/v1/sessions`, { method: 'POST', headers, body: '{"command":"true"}' })
  assert.equal(((await made.json()) as CreateSessionResponse).session.owner, 'ada')
  assert.equal((await fetch(`${baseUrl}/v1/sessions`)).status, 401)
})

test('a module that gives no verifiers is one sentence', async (t) => {
  const cleanup = backwards(t)
  const folder = await temporaryFolder(cleanup)
  const env = cleanEnvironment({ DATABASE_URL: (await testDatabase(cleanup)).connectionString })
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  for (const [name, text] of [
    ['missing.mjs', null],
    ['wrong.mjs', 'export default { verify: 1 }'],
    ['broken.mjs', 'throw new Error("at once")'],
  ] as const) {
    if (text !== null) await writeFile(join(folder, name), text)
    const flags = ['--port=0', '--internal-port=0', `--data-dir=${dataDir}`]
    const { code, stderr } = await runCli([...flags, `--verifiers-module=${join(folder, name)}`], env)
    assert.equal(code, 1, name)
    assert.match(stderr, /^The verifiers of \S+ cannot be used: [^\n]+\.\n$/)
  }
})

import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Cliscale, defaultReconnectPolicy, type Terminal, TokenSource } from '@cliscale/sdk'
import type { CreateSessionResponse, TerminalAccess } from '@cliscale/sdk/protocol'
import { connectTerminal } from '../gateway/support/terminal-client.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { parseExposition } from '../support/exposition.ts'
import { documentedParts } from '../support/generate-metrics.ts'
import { processesWith } from '../support/processes.ts'
import { callApi, runCli, type SpawnedServer, spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'
import { isAlive, scrape, workerPids } from '../support/workers.ts'

const FLAGS = ['--workers=2', '--spare-runners=0', '--log-format=json']
const OK = 'cliscale_gateway_upgrades_total{result="ok",reason=""}'
const UP = 'cliscale_server_workers{state="up"}'

interface Watched {
  readonly terminal: Terminal
  readonly modes: string[]
  readonly errors: unknown[]
  readonly text: () => string
}

/** So many terminals of one session that runs `cat`; one drives, the others look on. */
async function terminals(t: TestContext, server: SpawnedServer, count: number): Promise<readonly Watched[]> {
  const cliscale = new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })
  const session = await cliscale.sessions.create({ command: 'cat' })
  return await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const terminal = session.connect({
        role: at === 0 ? 'driver' : 'observer',
        reconnect: defaultReconnectPolicy({ baseMs: 50, capMs: 250 }),
      })
      t.after(() => terminal.close())
      let text = ''
      const modes: string[] = []
      const errors: unknown[] = []
      terminal.on('data', (data) => (text += Buffer.from(data).toString()))
      terminal.on('ready', ({ mode }) => modes.push(mode))
      terminal.on('error', (error) => errors.push(error))
      await terminal.ready
      return { terminal, modes, errors, text: () => text }
    }),
  )
}

/** Types a line with the first; all must see it. */
async function allSee(watched: readonly Watched[], line: string): Promise<void> {
  await watched[0]?.terminal.write(`${line}\r`)
  await waitFor(() => watched.every(({ text }) => text().split(line).length === 3), {
    what: `${line}, twice`,
  })
}

/** What the processes tell together is every documented metric, but those that cannot be added up. */
async function isDocumented({ internalUrl }: SpawnedServer): Promise<void> {
  const families = parseExposition(await (await fetch(`${internalUrl}/metrics`)).text())
  const documented = (await documentedParts()).flatMap(({ metrics }) => metrics)
  const summable = documented.filter(({ aggregator }) => aggregator !== 'omit')
  assert.deepEqual(
    [...families].map(([name, { type }]) => `${name} ${type}`).toSorted(),
    summable.map(({ name, type }) => `${name} ${type}`).toSorted(),
  )
}

test('two workers serve one port: REST, console, terminals, and one token opens one terminal', async (t) => {
  const cleanup = backwards(t)
  const server = await spawnServer(cleanup, { flags: FLAGS })
  const { child, baseUrl } = server
  const workers = await workerPids(child.pid ?? 0)
  assert.equal(workers.length, 2)
  assert.equal((await fetch(`${baseUrl}/readyz`)).status, 200)
  assert.match(await (await fetch(`${baseUrl}/`)).text(), /<html/i)
  assert.equal((await callApi(server, { method: 'POST', path: '/v1/sessions', body: { x: 1 } })).status, 422)
  for (const [method, path, allow] of [
    ['PUT', '/v1/sessions', 'GET, HEAD, POST'],
    ['PROPFIND', '/v1/sessions', 'GET, HEAD, POST'],
    ['POST', '/v1/sessions/ses_0123456789abcdefghijkl/terminal', 'GET, HEAD'],
  ] as const) {
    const refused = await callApi(server, { method, path })
    assert.deepEqual([refused.status, refused.headers.get('allow')], [405, allow], `${method} ${path}`)
  }
  const created = await callApi(server, { method: 'POST', path: '/v1/sessions', body: { command: 'cat' } })
  const { session, terminal } = (await created.json()) as CreateSessionResponse
  const { token } = (await (
    await callApi(server, { method: 'POST', path: `/v1/sessions/${session.id}/tokens`, body: {} })
  ).json()) as TerminalAccess
  const clients = Array.from({ length: 100 }, () => connectTerminal(cleanup, terminal.url, { token }))
  const outcomes = Promise.all(
    clients.map(async (client) => {
      const refused = client.over().then(() => 'refused')
      return Promise.race([refused, waitFor(() => client.messages.length > 0, { what: 'an answer' })])
    }),
  )
  const refused = 'cliscale_gateway_upgrades_total{result="rejected",reason="token_used"}'
  await waitFor(async () => (await scrape(server)).get(refused) === 99, { what: '99 refusals' })
  assert.equal((await scrape(server)).get(OK), 1)
  for (const client of clients) client.socket.terminate()
  await outcomes.catch(() => undefined)
  const log = server.output()
  assert.equal(log.split('"msg":"Ready"').length, 2)
  assert.equal((await scrape(server)).get('cliscale_gateway_jwks_keys'), 1)
  await isDocumented(server)
})

test('a worker that is killed is replaced, and its terminals go on at the very byte', async (t) => {
  const cleanup = backwards(t)
  const { connectionString } = await testDatabase(cleanup)
  const server = await spawnServer(cleanup, { flags: FLAGS, env: { DATABASE_URL: connectionString } })
  const watched = await terminals(cleanup, server, 12)
  await allSee(watched, 'before')
  const before = (await scrape(server)).get(OK) ?? 0
  assert.equal(before, 12)
  const [first = 0, second = 0] = await workerPids(server.child.pid ?? 0)
  process.kill(first, 'SIGKILL')
  await waitFor(
    async () => (await workerPids(server.child.pid ?? 0)).some((pid) => pid !== first && pid !== second),
    {
      what: 'another worker',
    },
  )
  await allSee(watched, 'after')
  await waitFor(async () => (await scrape(server)).get(UP) === 2, { what: 'two workers' })
  const again = watched.filter(({ modes }) => modes.length > 1)
  for (const { modes, errors } of watched) {
    assert.ok(modes.slice(1).every((mode) => mode === 'delta'))
    assert.deepEqual(errors, [])
  }
  // The sum does not forget what the killed worker had counted when it was asked last.
  assert.equal((await scrape(server)).get(OK), 12 + again.length)
  assert.equal((await scrape(server)).get('cliscale_server_worker_restarts_total'), 1)
  assert.equal((await fetch(`${server.internalUrl}/readyz`)).status, 200)
})

test('a worker that cannot take the place of another one is tried again, and questions leave nothing behind', async (t) => {
  const cleanup = backwards(t)
  const server = await spawnServer(cleanup, { flags: FLAGS })
  const [first = 0] = await workerPids(server.child.pid ?? 0)
  const key = join(server.dataDir, 'keys', 'runner.key')
  const kept = readFileSync(key)
  writeFileSync(key, 'no key')
  process.kill(first, 'SIGKILL')
  await waitFor(() => server.output().includes('A worker could not be started'), { what: 'the failed start' })
  writeFileSync(key, kept)
  await waitFor(async () => (await scrape(server)).get(UP) === 2, { what: 'two workers' })
  for (let n = 0; n < 12; n += 1) await scrape(server)
  assert.doesNotMatch(server.output(), /MaxListenersExceeded/)
})

test('a signal drains all workers within the window, and nothing is left', async (t) => {
  const cleanup = backwards(t)
  const { connectionString } = await testDatabase(cleanup)
  const env = { DATABASE_URL: connectionString, CLISCALE_DRAIN_SECONDS: '1' }
  const server = await spawnServer(cleanup, { flags: FLAGS, env })
  const watched = await terminals(cleanup, server, 6)
  const restarts: number[] = []
  for (const { terminal } of watched)
    terminal.on('state', (state, { error }) => {
      if (state === 'reconnecting' && error?.code === 'DRAINING') restarts.push(performance.now())
    })
  const workers = await workerPids(server.child.pid ?? 0)
  const startedAt = performance.now()
  assert.equal(await server.stop('SIGTERM'), 0)
  assert.ok(performance.now() - startedAt < 8_000)
  assert.ok(restarts.length >= 6, `${restarts.length} terminals were told`)
  for (const { errors } of watched) assert.deepEqual(errors, [])
  assert.deepEqual(workers.filter(isAlive), [])
  // Sessions go on in their runners.
  const left = (await processesWith(server.dataDir)).filter((line) => !/\/runner\/|\bbwrap /.test(line))
  assert.deepEqual(left, [])
  assert.equal(existsSync(join(server.dataDir, 'keys/server.json')), false)
})

test('workers whose supervisor is killed free the port at once, drain and end', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const { connectionString } = await testDatabase(cleanup)
  const env = { DATABASE_URL: connectionString, CLISCALE_DRAIN_SECONDS: '1' }
  const server = await spawnServer(cleanup, { flags: FLAGS, env, dataDir })
  const watched = await terminals(cleanup, server, 4)
  await allSee(watched, 'before')
  const workers = await workerPids(server.child.pid ?? 0)
  assert.equal(workers.length, 2)
  await server.stop('SIGKILL')
  const { port } = new URL(server.baseUrl)
  await spawnServer(cleanup, { flags: [...FLAGS, `--port=${port}`], env, dataDir, apiKey: server.apiKey })
  await waitFor(() => !workers.some(isAlive), { what: 'the end of the workers' })
  await allSee(watched, 'after')
  for (const { modes } of watched) assert.ok(modes.slice(1).every((mode) => mode === 'delta'))
})

test('a gateway with two workers serves terminals of a controller, and a taken port is one sentence', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const env = { DATABASE_URL: (await testDatabase(cleanup)).connectionString }
  const controller = await spawnServer(cleanup, {
    dataDir,
    env,
    flags: ['--mode=controller', '--spare-runners=0', '--log-format=json'],
  })
  const gateway = await spawnServer(cleanup, {
    dataDir,
    env,
    apiKey: controller.apiKey,
    flags: ['--mode=gateway', '--workers=2', '--log-format=json'],
  })
  const session = await new Cliscale(controller).sessions.create({
    command: 'sh',
    args: ['-c', 'echo apart'],
  })
  const { token } = await session.createToken()
  const url = `${gateway.baseUrl.replace('http', 'ws')}/v1/sessions/${session.id}/terminal`
  const { connectTerminal: connect } = await import('@cliscale/sdk')
  const terminal = connect({ url, tokenSource: TokenSource.literal(token) })
  cleanup.after(() => terminal.close())
  assert.equal((await terminal.text()).trim(), 'apart')
  assert.equal((await scrape(gateway)).get(OK), 1)
  const { port } = new URL(gateway.baseUrl)
  const { code, stderr } = await runCli(
    ['--mode=gateway', '--workers=2', `--port=${port}`, '--internal-port=0', `--data-dir=${dataDir}`],
    { ...process.env, ...env },
  )
  assert.equal(code, 1)
  assert.equal(stderr, `127.0.0.1:${port} is taken by another program; choose another with --port.\n`)
})

test('a worker is no command for people, and the number of workers is checked', async () => {
  const alone = await runCli(['worker'])
  assert.equal(alone.code, 1)
  assert.equal(alone.stderr, 'Workers are started by: cliscale-server --workers=<number>.\n')
  const none = await runCli(['--workers=0'])
  assert.equal(none.code, 2)
  assert.equal(none.stderr, '--workers must be auto or a number from 1 to 256, not "0".\n')
})

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { processesWith } from '../support/processes.ts'
import {
  callApi,
  cleanEnvironment,
  PINNED_NODE,
  runCli,
  runNode,
  serverCommand,
  spawnServer,
} from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

const FREE_PORTS = ['--port=0', '--internal-port=0']

test('a wrong configuration ends with 2 and one sentence for each problem, and makes nothing', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cst-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  const { code, stdout, stderr } = await runCli([
    '--port=x',
    '--colour',
    '--mode=some',
    `--data-dir=${dataDir}`,
  ])
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.equal(stderr.trim().split('\n').length, 3)
  assert.doesNotMatch(stderr, /\bat .*:\d+:\d+/)
  assert.equal(existsSync(dataDir), false)
})

test('an unknown command is a sentence', async () => {
  for (const words of [
    ['frobnicate'],
    ['constructor'],
    ['serve', 'now'],
    ['keys'],
    ['keys', 'create', 'a', 'b'],
  ]) {
    const { code, stderr } = await runCli([...words, '--data-dir=/nonexistent/x'])
    assert.equal(code, 2, words.join(' '))
    assert.equal(stderr.trim().split('\n').length, 1)
  }
})

test('help and version need no configuration', async () => {
  const help = await runCli(['--help'], cleanEnvironment({ CLISCALE_PORT: 'x' }))
  assert.equal(help.code, 0)
  assert.match(help.stdout, /--data-dir/)
  const version = await runCli(['--version'])
  const manifest = new URL('../../package.json', import.meta.url)
  assert.equal(
    version.stdout.trim(),
    (JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version,
  )
})

test('the shown configuration holds no secret', async () => {
  const env = cleanEnvironment({ DATABASE_URL: 'postgresql://u:canary@h/d' })
  const { code, stdout, stderr } = await runCli(['config', '--port=1234'], env)
  assert.equal(code, 0)
  assert.equal((JSON.parse(stdout) as { port: number }).port, 1234)
  assert.doesNotMatch(stdout + stderr, /canary/)
})

test('an older Node gets one clear sentence', async () => {
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url))
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })`
  const { code, stderr } = await runNode([
    `--import=data:text/javascript,${encodeURIComponent(pretend)}`,
    cli,
  ])
  assert.equal(code, 1)
  assert.equal(stderr, 'cliscale-server needs Node 24 or newer; this is Node 20.19.0.\n')
  // It can say so only if nothing newer is loaded or parsed before.
  assert.doesNotMatch(await readFile(cli, 'utf8'), /^import |\busing\b|\?\?=|#\w+\(/m)
})

test('a taken port is one sentence, and nothing is left behind', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.after(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  for (const flags of [
    [`--port=${port}`, '--internal-port=0'],
    ['--port=0', `--internal-port=${port}`],
  ]) {
    const { code, stderr } = await runCli([...flags, '--spare-runners=0', `--data-dir=${dataDir}`])
    assert.equal(code, 1)
    assert.match(
      stderr,
      new RegExp(
        `^127\\.0\\.0\\.1:${port} is taken by another program; choose another with --(internal-)?port\\.\n$`,
      ),
    )
    assert.deepEqual(await processesWith(dataDir), [])
    assert.equal(existsSync(join(dataDir, 'keys/server.json')), false)
  }
})

test('a data folder that cannot be written to is one sentence', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cst-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await writeFile(join(folder, 'file'), '')
  const { code, stderr } = await runCli([...FREE_PORTS, `--data-dir=${join(folder, 'file', 'data')}`])
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^The data folder .* cannot be written to \(ENOTDIR\); choose another with --data-dir\.\n$/,
  )
})

test('a database that does not answer is one sentence without its password', async (t) => {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const env = cleanEnvironment({ DATABASE_URL: 'postgresql://u:canary@127.0.0.1:1/d' })
  const { code, stdout, stderr } = await runCli([...FREE_PORTS, `--data-dir=${dataDir}`], env)
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^The database cannot be brought up to date \(.*ECONNREFUSED.*\); check DATABASE_URL\.\n$/,
  )
  assert.doesNotMatch(stdout + stderr, /canary/)
})

test('templates that cannot be used are told with all other problems, before anything is made', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cst-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const dataDir = join(folder, 'data')
  const templates = join(folder, 'templates.json')
  await writeFile(templates, '{"templates":[{"name":"a","command":"x","allow":["envs"],"colour":1}]}')
  const flags = [`--templates=${templates}`, `--data-dir=${dataDir}`]
  for (const words of [[], ['config'], ['exec', '--', 'true']] as const) {
    const [command = '', ...rest] = words
    const args = command === '' ? [...FREE_PORTS, ...flags] : [command, ...flags, ...rest]
    const { code, stderr } = await runCli(args)
    assert.equal(code, 2, command)
    const told = stderr.trim().split('\n')
    assert.equal(told.length, 2, stderr)
    assert.match(
      stderr,
      /templates\.json cannot be used: templates\[0\]\.colour is no field; there are name, /,
    )
    assert.match(stderr, /templates\[0\]\.allow\[0\] must be one of .*, not "envs"; perhaps "env" is meant\./)
    assert.equal(existsSync(dataDir), false)
  }
  const more = await runCli(['config', '--prot=1', '--log-level=wran', ...flags])
  assert.equal(more.stderr.trim().split('\n').length, 4, more.stderr)
  const missing = await runCli([...FREE_PORTS, `--templates=${folder}/none.yaml`, `--data-dir=${dataDir}`])
  assert.match(missing.stderr, /none\.yaml cannot be used: ENOENT[^\n]*\.\n$/)
})

test('a second server on the same data is refused, and the first goes on', async (t) => {
  const server = await spawnServer(t, { embedded: true, flags: ['--spare-runners=0'] })
  const { code, stderr } = await runCli([...FREE_PORTS, `--data-dir=${server.dataDir}`])
  assert.equal(code, 1)
  assert.match(
    stderr,
    new RegExp(`^Another cliscale-server \\(pid ${server.child.pid}\\) uses the data folder `),
  )
  assert.equal((await fetch(`${server.baseUrl}/readyz`)).status, 200)
})

test('a server ends with 0 on each signal and leaves no process and no note', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const cleanup = backwards(t)
    // Once with its own PostgreSQL, which must end too.
    const server = await spawnServer(cleanup, {
      embedded: signal === 'SIGTERM',
      flags: ['--spare-runners=0'],
    })
    assert.equal(await server.stop(signal), 0, signal)
    assert.deepEqual(await processesWith(server.dataDir), [])
    assert.equal(existsSync(join(server.dataDir, 'keys/server.json')), false)
  }
})

test('the link on the first screen works, and so does one made later', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const screen = inTerminal(cleanup, await ownDatabase(cleanup), [...FREE_PORTS, `--data-dir=${dataDir}`])
  const first = await waitFor(() => /http:\/\/127\.0\.0\.1:\d+\/#code=csl_[\w-]{43}/.exec(screen())?.[0], {
    what: 'the link on the screen',
  })
  const later = (await runCli(['login', `--data-dir=${dataDir}`])).stdout.trim()
  for (const link of [first, later]) {
    const { hash, origin } = new URL(link)
    assert.equal(origin, new URL(first).origin)
    const response = await fetch(`${origin}/v1/console/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code: hash.slice('#code='.length) }),
    })
    assert.equal(response.status, 204)
  }
})

test('where there is no terminal no code is written, but how to get one', async (t) => {
  const cleanup = backwards(t)
  const env = await ownDatabase(cleanup)
  const server = await spawnServer(cleanup, { env, flags: ['--spare-runners=0'] })
  const told = `"command":"cliscale-server login --data-dir=${server.dataDir}"`
  await waitFor(() => server.output().includes(told), { what: 'the command' })
  assert.doesNotMatch(server.output(), /csl_/)
  for (const line of server.output().trim().split('\n')) JSON.parse(line)
  await server.stop()
  const pretty = await spawnServer(cleanup, { env, flags: ['--spare-runners=0', '--log-format=json'] })
  assert.doesNotMatch(pretty.output(), /csl_/)
})

test('a link is for the address that clients use', async (t) => {
  const cleanup = backwards(t)
  const flags = ['--spare-runners=0', '--public-url=https://terminals.example.com/cli']
  const server = await spawnServer(cleanup, { env: await ownDatabase(cleanup), flags })
  const { stdout } = await runCli(['login', `--data-dir=${server.dataDir}`])
  assert.match(stdout, /^https:\/\/terminals\.example\.com\/cli\/#code=csl_[\w-]{43}\n$/)
})

test('commands during a start wait for it and say so', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const starting = spawnServer(cleanup, { dataDir, flags: ['--spare-runners=0'], apiKey: 'none' })
  await waitFor(async () => (await readdir(dataDir)).some((name) => name.startsWith('starting.')), {
    what: 'a start',
  })
  const flag = `--data-dir=${dataDir}`
  const [key, link] = await Promise.all([runCli(['keys', 'create', 'early', flag]), runCli(['login', flag])])
  const server = await starting
  for (const { code, stderr } of [key, link]) {
    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      new RegExp(`^The server \\(pid ${server.child.pid}\\) is starting; waiting for it\\.\n`),
    )
  }
  assert.equal(new URL(link.stdout).origin, server.baseUrl)
  assert.equal(
    (await callApi({ ...server, apiKey: key.stdout.trim() }, { method: 'GET', path: '/v1/sessions' })).status,
    200,
  )
  assert.deepEqual(
    (await readdir(dataDir)).filter((name) => name.startsWith('starting.')),
    [],
  )
})

test('the variables of a Kubernetes Service named cliscale do not stop a start, and are told', async (t) => {
  const env = { CLISCALE_PORT: 'tcp://10.96.0.7:7680' }
  const server = await spawnServer(t, { env, flags: ['--spare-runners=0', '--log-format=json'] })
  assert.match(
    server.output(),
    /"name":"CLISCALE_PORT".*Kubernetes Service cliscale; it is not read as an option/,
  )
})

/** Runs the server in a terminal of its own. Returns what its screen showed so far. */
function inTerminal(
  t: TestContext,
  env: Readonly<Record<string, string>>,
  flags: readonly string[],
): () => string {
  const script = fileURLToPath(new URL('../support/run-in-terminal.ts', import.meta.url))
  const child = spawn(PINNED_NODE, [script, ...serverCommand(...flags, '--spare-runners=0')], {
    env: cleanEnvironment({ ...env, CLISCALE_DRAIN_SECONDS: '0' }),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGTERM')
    await exited
  })
  let shown = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text))
  return () => shown
}

/** A database of the test's own: quicker than one that the server makes first. */
async function ownDatabase(t: TestContext): Promise<{ DATABASE_URL: string }> {
  return { DATABASE_URL: (await testDatabase(t)).connectionString }
}

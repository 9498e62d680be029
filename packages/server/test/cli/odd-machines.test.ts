import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse, SessionInfo } from '@cliscale/sdk/protocol'
import { backwards } from '../support/backwards.ts'
import { removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { type SilentOptions, type SilentServer, startSilently } from '../support/silent-server.ts'
import { callApi, cleanEnvironment, runCli, serverCommand, spawnServer } from '../support/spawn-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { waitFor } from '../support/wait-for.ts'

/** A command of its own name spaces; a user who is not root becomes root of one of them first. */
function unshare(...flags: readonly string[]): readonly string[] {
  return ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), ...flags]
}

interface Api {
  readonly baseUrl: string
  readonly apiKey: string
}

/** A server on a strange machine, with a key of which it was not asked. */
async function startOn(
  t: TestContext,
  options: Omit<SilentOptions, 'stdio' | 'flags'>,
): Promise<SilentServer & Api> {
  const server = await startSilently(t, { ...options, flags: ['--isolation=none'], stdio: 'ignore' })
  const baseUrl = await server.ready()
  const env = cleanEnvironment({ DATABASE_URL: server.connectionString })
  const folder = await temporaryFolder(t)
  const made = await runCli(['keys', 'create', 'test', '--scopes=admin', `--data-dir=${folder}`], env)
  return { ...server, baseUrl, apiKey: made.stdout.trim() }
}

async function create(api: Api, script: string): Promise<string> {
  const body = { command: 'sh', args: ['-c', script] }
  const answer = await callApi(api, { method: 'POST', path: '/v1/sessions', body })
  return ((await answer.json()) as CreateSessionResponse).session.id
}

async function ended(api: Api, id: string): Promise<SessionInfo> {
  return await waitFor(
    async () => {
      const answer = await callApi(api, { method: 'GET', path: `/v1/sessions/${id}` })
      const session = (await answer.json()) as SessionInfo
      return session.state === 'ended' ? session : null
    },
    { what: 'the end of the session' },
  )
}

test('a user id without a name and without a home serves sessions', async (t) => {
  const server = await startOn(backwards(t), {
    below: ['unshare', '--user', '--map-user=54321', '--map-group=54321'],
    env: { HOME: undefined },
  })
  const { exit } = await ended(server, await create(server, 'exit 3'))
  assert.equal(exit?.code, 3)
  assert.equal(await server.stop(), 0)
})

test('without a home there is a folder for the data, and PostgreSQL says what it lacks in one sentence', async (t) => {
  const nobody = ['unshare', '--user', '--map-user=54321', '--map-group=54321'] as const
  const run = async (...args: readonly string[]): Promise<readonly [string, string, number | null]> => {
    const child = spawn(nobody[0], [...nobody.slice(1), ...serverCommand(...args)], {
      env: { ...cleanEnvironment(), HOME: undefined, XDG_DATA_HOME: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, error] = await Promise.all([textOf(child.stdout), textOf(child.stderr), once(child, 'close')])
    return [out, error, child.exitCode]
  }
  const [shown] = await run('config')
  const { dataDir } = JSON.parse(shown) as { readonly dataDir: string }
  assert.match(dataDir, /^\/.*\/cliscale-54321$/)
  const [, said, code] = await run('config', '--data-dir=~/x')
  assert.equal(code, 2)
  assert.match(said, /^--data-dir begins with ~, but this user has no home; write the whole path/)
  const started = await run('--port=0', '--internal-port=0', `--data-dir=${await temporaryFolder(t)}`)
  assert.match(started[1], /\nPostgreSQL does not run under a user id that has no name; .* DATABASE_URL\.\n$/)
  assert.equal(started[2], 1)
})

test('a home that cannot be written to is one sentence', async () => {
  const env = cleanEnvironment({ HOME: '/dev/null/ada' })
  const { code, stderr } = await runCli(['--port=0', '--internal-port=0'], {
    ...env,
    XDG_DATA_HOME: undefined,
  })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^The data folder \/dev\/null\/ada\/\S+ cannot be written to \(\w+\); .*--data-dir\.\n$/,
  )
})

test('a data folder with commas, quotes and blanks in its name has everything, the database too', async (t) => {
  const cleanup = backwards(t)
  const dataDir = join(await temporaryFolder(cleanup), `a,b "c'd`)
  cleanup.after(() => removeDataFolder(dataDir))
  const server = await spawnServer(cleanup, {
    dataDir,
    flags: ['--isolation=none', '--spare-runners=0', '--workers=2'],
  })
  assert.equal((await callApi(server, { method: 'GET', path: '/v1/sessions' })).status, 200)
  assert.equal((await fetch(`${server.baseUrl}/readyz`)).status, 200)
  assert.equal(await server.stop(), 0)
})

test('a tilde at the beginning of a path is the home folder, in flags and variables', async (t) => {
  const home = await temporaryFolder(t)
  const inHome = { ...cleanEnvironment({ CLISCALE_TEMPLATES: '~/t.yaml' }), HOME: home }
  await writeFile(join(home, 't.yaml'), 'templates: [{ name: a, command: sh }]')
  const { stdout } = await runCli(['config', '--data-dir=~/data'], inHome)
  const { dataDir, templates } = JSON.parse(stdout) as {
    readonly dataDir: string
    readonly templates: string
  }
  assert.deepEqual([dataDir, templates], [join(home, 'data'), join(home, 't.yaml')])
  const other = await runCli(['config', '--data-dir=~ada/data'], inHome)
  assert.equal(other.code, 2)
  assert.match(other.stderr, /^--data-dir names the home of another user; write its whole path/)
  assert.equal(existsSync('~'), false)
  assert.ok(homedir() !== home)
})

test('an IPv6 address may stand in brackets', async (t) => {
  const cleanup = backwards(t)
  const env = { DATABASE_URL: (await testDatabase(cleanup)).connectionString }
  const flags = ['--host=[::1]', '--internal-host=[::1]', '--spare-runners=0']
  const server = await spawnServer(cleanup, { env, flags })
  for (const url of [server.baseUrl, server.internalUrl]) {
    assert.match(url, /^http:\/\/\[::1\]:\d+$/)
    assert.equal((await fetch(`${url}/healthz`)).status, 200)
  }
})

/** Process ids of a process's children, by their state. */
async function childrenOf(pid: number): Promise<ReadonlyMap<number, string>> {
  const pids = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')
  const states = await Promise.all(
    pids
      .filter((child) => child !== '')
      .map(async (child) => {
        const stat = await readFile(`/proc/${child}/stat`, 'latin1').catch(() => '')
        return [Number(child), stat.slice(stat.lastIndexOf(')') + 2)[0] ?? ''] as const
      }),
  )
  return new Map(states)
}

test('as process 1 the server takes leave of orphans, ends on a signal, and tells its exit code', async (t) => {
  const cleanup = backwards(t)
  const server = await startOn(cleanup, { below: unshare('--pid', '--fork', '--mount-proc') })
  const [init = 0] = (await childrenOf(server.child.pid ?? 0)).keys()
  const before = (await childrenOf(init)).size
  const id = await create(server, 'for i in 1 2 3 4 5; do (sleep 1 &); done; sleep 2; exit 6')
  await waitFor(async () => (await childrenOf(init)).size >= before + 5, { what: 'orphans of process 1' })
  assert.equal((await ended(server, id)).exit?.code, 6)
  await waitFor(async () => ![...(await childrenOf(init)).values()].includes('Z'), { what: 'no zombie' })
  process.kill(init, 'SIGTERM')
  const [code] = (await once(server.child, 'exit')) as [number | null]
  assert.equal(code, 0)
})

const SMALL_DISK = ['sh', '-c', 'mount -t tmpfs -o size=1m none "$0" && exec "$@"', '{data}']

test('a session that finds the disk full says so, and later ones start when there is room again', async (t) => {
  const cleanup = backwards(t)
  const server = await startOn(cleanup, { below: [...unshare('--mount'), ...SMALL_DISK] })
  const fill = join(`/proc/${server.child.pid}/root`, server.dataDir, 'fill')
  const fillUp = spawn('sh', ['-c', 'cat /dev/zero > "$0"', fill], { stdio: 'ignore' })
  await once(fillUp, 'exit')
  const { exit, failure } = await ended(server, await create(server, 'exit 7'))
  assert.equal(exit?.reason, 'failed')
  assert.equal(failure?.code, 'START_FAILED')
  assert.match(failure?.message ?? '', /the disk of its data folder is full \(ENOSPC\)/)
  await once(spawn('rm', [fill]), 'exit')
  assert.equal((await ended(server, await create(server, 'exit 8'))).exit?.code, 8)
  assert.equal(await server.stop(), 0)
})

test('a start on a full disk is one sentence', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await temporaryFolder(cleanup)
  const full = 'mount -t tmpfs -o size=64k none "$0" && { cat /dev/zero > "$0/fill" 2>/dev/null; exec "$@"; }'
  const command = serverCommand('--port=0', '--internal-port=0', `--data-dir=${dataDir}`)
  const [program = '', ...args] = [...unshare('--mount'), 'sh', '-c', full, dataDir, ...command]
  const child = spawn(program, args, { env: cleanEnvironment(), stdio: ['ignore', 'ignore', 'pipe'] })
  const [said] = await Promise.all([textOf(child.stderr), once(child, 'close')])
  assert.equal(
    said,
    `The data folder ${dataDir} cannot be written to (ENOSPC); choose another with --data-dir.\n`,
  )
  assert.equal(child.exitCode, 1)
})

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { CreateSessionResponse } from '@cliscale/sdk/protocol'
import { connectTerminal } from '../gateway/support/terminal-client.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import {
  callApi,
  cleanEnvironment,
  type CliResult,
  runCli,
  type SpawnedServer,
  spawnServer,
} from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

const FREE = ['--port=0', '--internal-port=0']

/** One database, and folders for processes of an installation. */
interface Split {
  folder(): Promise<string>
  start(mode: string, dataDir: string): Promise<SpawnedServer>
  /** A start that must not succeed. */
  refused(mode: string, dataDir: string, ...flags: string[]): Promise<CliResult>
}

async function newSplit(test: TestContext): Promise<Split> {
  const t = backwards(test)
  const { connectionString, store } = await testDatabase(t)
  // A controller makes it, but a key is made when the first process is there.
  await store.projects.ensure('default', 'Default')
  const env = { DATABASE_URL: connectionString }
  return {
    folder: async () => {
      const folder = await dataFolder()
      t.after(() => removeDataFolder(folder))
      return folder
    },
    start: (mode, dataDir) => {
      const flags = [`--mode=${mode}`, ...(mode === 'gateway' ? [] : ['--spare-runners=0'])]
      return spawnServer(t, { dataDir, env, flags })
    },
    refused: async (mode, dataDir, ...flags) => {
      const result = await runCli(
        [`--mode=${mode}`, ...FREE, `--data-dir=${dataDir}`, ...flags],
        cleanEnvironment(env),
      )
      assert.equal(result.code, 1, result.stdout)
      assert.doesNotMatch(result.stdout, /"msg":"Ready"/)
      return result
    },
  }
}

for (const mode of ['controller', 'all'])
  test(`a gateway that cannot reach the runners of mode ${mode} says at start which option is wrong`, async (t) => {
    const split = await newSplit(t)
    const own = await split.folder()
    await split.start(mode, own)

    const empty = await split.folder()
    const without = await split.refused('gateway', empty)
    assert.match(
      without.stderr,
      /^The controller has a runner key, and .*runner\.key is not there; .*--data-dir/,
    )
    assert.equal(existsSync(join(empty, 'keys', 'runner.key')), false)

    const wrong = await split.folder()
    await mkdir(join(wrong, 'keys'), { recursive: true, mode: 0o700 })
    await writeFile(join(wrong, 'keys', 'runner.key'), Buffer.alloc(32, 7), { mode: 0o600 })
    const foreign = await split.refused('gateway', wrong)
    assert.match(foreign.stderr, /^The runner key .*runner\.key is not the controller's, .*--data-dir/)

    const copied = await split.folder()
    await cp(join(own, 'keys'), join(copied, 'keys'), { recursive: true })
    for (const flags of [[], ['--workers=2']]) {
      const apart = await split.refused('gateway', copied, ...flags)
      assert.match(apart.stderr, /runners listen in its own data folder, and .* is not in it; .*--data-dir/)
    }
  })

test('a gateway that was there first with a folder of its own is never ready, and says why', async (t) => {
  const split = await newSplit(t)
  // The schema is there; the controller's word is not.
  const gateway = await split.start('gateway', await split.folder())
  const ready = async (): Promise<readonly [number, string]> => {
    const response = await fetch(`${gateway.internalUrl}/readyz`)
    return [response.status, await response.text()]
  }
  assert.match((await ready())[1], /No controller has told yet how its runners are reached/)
  await split.start('controller', await split.folder())
  await waitFor(async () => /is not the controller's, .*--data-dir/.test((await ready())[1]), {
    what: 'the gateway to say what is wrong',
  })
  assert.equal((await ready())[0], 503)
})

test('two roles on one folder serve a terminal, and commands find the one that has the console', async (t) => {
  const split = await newSplit(t)
  const folder = await split.folder()
  const gateway = await split.start('gateway', folder)
  const controller = await split.start('controller', folder)
  await waitFor(async () => (await fetch(`${gateway.internalUrl}/readyz`)).status === 200, {
    what: 'readiness',
  })
  const note = join(folder, 'keys', 'server.json')
  const noted = async (): Promise<unknown> =>
    (JSON.parse(await readFile(note, 'utf8')) as { url: unknown }).url
  assert.equal(await noted(), controller.baseUrl)

  const call = { method: 'POST', path: '/v1/sessions', body: { command: 'sh', args: ['-c', 'exit 4'] } }
  const { terminal } = (await (await callApi(controller, call)).json()) as CreateSessionResponse
  const url = terminal.url.replace(new URL(controller.baseUrl).host, new URL(gateway.baseUrl).host)
  const client = connectTerminal(t, url, { token: terminal.token })
  await waitFor(() => client.socket.readyState === client.socket.OPEN, { what: 'the handshake' })
  client.send({ type: 'hello', v: 1, client: crypto.randomUUID(), columns: 80, rows: 24, input: 0 })
  assert.equal((await client.got('exit')).exit.code, 4)

  await gateway.stop()
  await split.start('gateway', folder)
  assert.equal(await noted(), controller.baseUrl)
  const login = await runCli(['login', `--data-dir=${folder}`], cleanEnvironment())
  assert.ok(login.stdout.startsWith(`${controller.baseUrl}/#code=`), login.stdout + login.stderr)
})

for (const mode of ['controller', 'all'])
  test(`a second server of mode ${mode} with another folder is refused beside one at work`, async (t) => {
    const split = await newSplit(t)
    const first = await split.start('controller', await split.folder())
    const { stderr } = await split.refused(mode, await split.folder())
    assert.match(
      stderr,
      /^Another controller works on this database with another data folder .*--data-dir, .*--db-schema/,
    )
    // Once it has ended, its work can be taken over elsewhere.
    await first.stop()
    await split.start(mode, await split.folder())
  })

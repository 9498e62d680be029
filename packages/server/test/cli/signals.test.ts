import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder, runnerPids } from '../support/data-folder.ts'
import { processesWith } from '../support/processes.ts'
import { cleanEnvironment, PINNED_NODE, serverCommand } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const COMMAND = join(ROOT, 'packages/server/bin/cliscale-server.js')

interface Started {
  /** What the test started: npm, a shell, nohup, or the server itself. */
  readonly child: ChildProcess
  /** The server's own process id. */
  readonly server: number
  readonly dataDir: string
}

/** Starts a server by a command of a user, from the repository's root, and waits until it serves. */
async function start(t: TestContext, [command, ...args]: readonly [string, ...string[]]): Promise<Started> {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const env = cleanEnvironment({
    CLISCALE_DATA_DIR: dataDir,
    CLISCALE_PORT: '0',
    CLISCALE_INTERNAL_PORT: '0',
    CLISCALE_DRAIN_SECONDS: '0',
    PATH: [dirname(PINNED_NODE), process.env.PATH].join(delimiter),
  })
  const child = spawn(command, args, { cwd: ROOT, env: { ...env, _: undefined }, stdio: 'ignore' })
  const note = join(dataDir, 'keys/server.json')
  const server = await waitFor(
    async () => {
      assert.equal(child.exitCode ?? child.signalCode, null, `${command} ended before the server was ready`)
      const text = await readFile(note, 'utf8').catch(() => '')
      return text === '' ? null : (JSON.parse(text) as { readonly pid: number }).pid
    },
    { what: 'a server that runs', withinMs: 120_000 },
  )
  t.after(() => {
    if (isAlive(server)) process.kill(server, 'SIGKILL')
    child.kill('SIGKILL')
  })
  return { child, server, dataDir }
}

/** Nothing of the server is left: no process, no PostgreSQL, no note. Spare runners end with the data folder. */
async function isGone({ server, dataDir }: Started): Promise<void> {
  await waitFor(() => !isAlive(server), { what: 'the end of the server' })
  const runners = await runnerPids(dataDir)
  const left = async (): Promise<readonly string[]> =>
    (await processesWith(dataDir)).filter((line) => !/\/runner\/|\bbwrap /.test(line))
  await waitFor(async () => (await left()).length === 0, {
    what: `an end of all but ${runners.length} runners`,
  })
  assert.equal(existsSync(join(dataDir, 'keys/server.json')), false)
  assert.equal(existsSync(join(dataDir, 'postgres/postmaster.pid')), false)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a signal to npm start ends the server and its database, whichever it is', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL', 'SIGHUP'] as const) {
    const started = await start(backwards(t), ['npm', 'start', '--', '--spare-runners=0'])
    started.child.kill(signal)
    const [code, ended] = (await once(started.child, 'exit')) as [number | null, NodeJS.Signals | null]
    const own = signal === 'SIGTERM' || signal === 'SIGINT'
    assert.deepEqual([code, ended], own ? [0, null] : [null, signal], signal)
    await isGone(started)
  }
})

/** Ways in which a user starts a server that is to outlive the terminal. */
const UNDER_NOHUP: Readonly<Record<string, readonly [string, ...string[]]>> = {
  'the command under nohup': ['nohup', COMMAND, '--spare-runners=0'],
  'npm start under nohup, from bash': ['bash', '-c', 'nohup npm start -- --spare-runners=0; exit $?'],
  'a script that ignores the signal': ['sh', '-c', `trap '' HUP; ${COMMAND} --spare-runners=0; exit $?`],
  'Node itself below such a script': [
    'sh',
    '-c',
    `trap '' HUP; "$@"; exit $?`,
    'sh',
    ...serverCommand('--spare-runners=0'),
  ],
  'an option': serverCommand('--spare-runners=0', '--ignore-hangup'),
}

for (const [way, command] of Object.entries(UNDER_NOHUP))
  test(`SIGHUP does not end a server that was started so: ${way}`, async (t) => {
    const started = await start(backwards(t), command)
    const exited = once(started.child, 'exit')
    process.kill(started.server, 'SIGHUP')
    // What follows it is handled later, so an answer to it shows that the first one was let pass.
    const { url } = JSON.parse(await readFile(join(started.dataDir, 'keys/server.json'), 'utf8')) as {
      readonly url: string
    }
    for (let asked = 0; asked < 20; asked += 1) assert.equal((await fetch(`${url}/readyz`)).status, 200)
    process.kill(started.server, 'SIGTERM')
    const [code] = (await exited) as [number | null]
    assert.equal(code, 0)
    await isGone(started)
  })

test('without nohup the end of the terminal ends the command', async (t) => {
  const started = await start(backwards(t), [COMMAND, '--spare-runners=0'])
  process.kill(started.server, 'SIGHUP')
  await once(started.child, 'exit')
  assert.equal(started.child.exitCode, 0)
  await isGone(started)
})

import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Cliscale, type Session } from '@cliscale/sdk'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

/** `required` where a machine without control groups would be a fault of the test's. */
const { CONTROL_GROUPS } = process.env

const BOUNDS = {
  processes: 64,
  memoryBytes: 134_217_728,
  openFiles: 100,
  diskBytes: 33_554_432,
} as const

const FLAGS = [
  `--session-processes=${BOUNDS.processes}`,
  `--session-memory-bytes=${BOUNDS.memoryBytes}`,
  `--session-open-files=${BOUNDS.openFiles}`,
  `--session-disk-bytes=${BOUNDS.diskBytes}`,
  '--session-cpu-percent=50',
  '--spare-runners=0',
]

interface Stand {
  readonly client: Cliscale
  readonly dataDir: string
}

async function newStand(t: TestContext, flags: readonly string[] = []): Promise<Stand> {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const server = await spawnServer(t, { dataDir, flags: [...FLAGS, ...flags] })
  return { dataDir, client: new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey }) }
}

/** A session that answers what is typed, however busy others are. */
async function neighbour(t: TestContext, { client }: Stand): Promise<{ answers(): Promise<void> }> {
  const session = await client.sessions.create({ command: 'cat' })
  const terminal = session.connect()
  t.after(() => terminal.close())
  let output = ''
  let asked = 0
  terminal.on('data', (data) => (output += Buffer.from(data).toString()))
  return {
    answers: async () => {
      const word = `still here ${(asked += 1)}`
      await terminal.write(`${word}\n`)
      await waitFor(() => output.split(word).length > 2, {
        what: 'the neighbour to answer',
        withinMs: 10_000,
      })
    },
  }
}

async function bash({ client }: Stand, script: string): Promise<Session> {
  return client.sessions.create({ command: 'bash', args: ['-c', script] })
}

async function ended({ client }: Stand, session: Session): Promise<SessionInfo> {
  return waitFor(
    async () => {
      const { info } = await client.sessions.get(session.id)
      return info.state === 'ended' && info
    },
    { what: 'the session to end', withinMs: 60_000 },
  )
}

/** What a session printed. */
async function outputOf(session: Session): Promise<string> {
  return session.connect().text()
}

test('session.limits says which limits hold, and by what', async (t) => {
  const stand = await newStand(t)
  const session = await stand.client.sessions.create({ command: 'cat' })
  assert.equal(session.info.limits, null)
  await session.waitUntil('running')
  const { limits } = (await stand.client.sessions.get(session.id)).info
  assert.deepEqual(limits?.openFiles, { value: BOUNDS.openFiles, by: 'rlimit' })
  assert.deepEqual(limits?.diskBytes, { value: BOUNDS.diskBytes, by: 'watch' })
  assert.equal(limits?.processes?.value, BOUNDS.processes)
  // What control groups hold is told only where this process may make them.
  if (limits.cpus !== null || CONTROL_GROUPS === 'required') {
    assert.deepEqual(limits.memoryBytes, { value: BOUNDS.memoryBytes, by: 'cgroup' })
    assert.deepEqual(limits.cpus, { value: 0.5, by: 'cgroup' })
  }
})

for (const isolation of ['bubblewrap', 'none'] as const) {
  test(`a fork bomb stops at its bound and spares its neighbour, with isolation ${isolation}`, async (t) => {
    const stand = await newStand(t, [`--isolation=${isolation}`])
    const near = await neighbour(t, stand)
    await near.answers()
    const bomb = await bash(
      stand,
      'bomb() { bomb | bomb & }; bomb; sleep 3; for i in 1 2 3; do bomb; sleep 1; done',
    )
    await bomb.waitUntil('running')
    for (let round = 0; round < 5; round += 1) await near.answers()
    await bomb.kill()
    await ended(stand, bomb)
    await waitFor(() => processesOf(stand, bomb) === 0, { what: 'the bomb to be gone', withinMs: 30_000 })
    await near.answers()
  })
}

test('a session has no more processes than it may', async (t) => {
  const stand = await newStand(t)
  // dash gives up at once where bash waits and tries again.
  const script = 'i=0; while [ $i -lt 200 ]; do i=$((i + 1)); echo "at $i"; sleep 30 & done; echo over'
  const session = await stand.client.sessions.create({ command: 'dash', args: ['-c', script] })
  const output = await outputOf(session)
  assert.match(output, /Cannot fork/)
  assert.equal(output.includes('over'), false, output)
  const counts = [...output.matchAll(/^at (\d+)/gm)].map(([, count]) => Number(count))
  assert.ok(Math.max(...counts) <= BOUNDS.processes, output)
})

test('each process of a session has no more open files than it may', async (t) => {
  const stand = await newStand(t)
  const script =
    'ulimit -n; ulimit -n 101 || echo refused; for i in $(seq 10 200); do eval "exec $i</dev/null" || break; done; echo "at $i"'
  const output = await outputOf(await bash(stand, script))
  assert.match(output, /^100\r\n/)
  assert.match(output, /refused/)
  assert.match(output, /at \d\d\d?\r/)
  assert.ok(Number(/at (\d+)/.exec(output)?.[1]) <= BOUNDS.openFiles, output)
})

test('a memory hog is ended at its bound, with a sentence, and spares its neighbour', async (t) => {
  const stand = await newStand(t)
  const near = await neighbour(t, stand)
  const hog = await bash(stand, 'exec tail -c 1000000000 < <(head -c 900000000 /dev/zero)')
  await hog.waitUntil('running')
  const { limits } = (await stand.client.sessions.get(hog.id)).info
  if (limits?.memoryBytes === null) return await hog.kill()
  for (let round = 0; round < 3; round += 1) await near.answers()
  const info = await ended(stand, hog)
  assert.equal(info.failure?.code, 'LIMIT_EXCEEDED', JSON.stringify(info))
  assert.match(info.failure.message, /134217728 bytes of memory/)
})

test('a disk filler is ended at its bound, also when it hides what it wrote, and leaves nothing', async (t) => {
  const stand = await newStand(t)
  const near = await neighbour(t, stand)
  const fill = 'i=0; while :; do head -c 1000000 /dev/zero > $i || exit; i=$((i + 1)); sleep 0.02; done'
  for (const script of [fill, `cd /tmp; ${fill}`, `mkdir hidden; cd hidden; chmod 300 .; ${fill}`]) {
    const filler = await bash(stand, script)
    await filler.waitUntil('running')
    await near.answers()
    const info = await ended(stand, filler)
    assert.equal(info.failure?.code, 'LIMIT_EXCEEDED', JSON.stringify(info))
    assert.match(info.failure.message, /33554432 bytes/)
  }
  await waitFor(() => readdirSync(join(stand.dataDir, 'work')).length <= 1, {
    what: 'the work folders to go',
  })
})

test('one file is not larger than all may be', async (t) => {
  const stand = await newStand(t)
  const script = 'head -c 100000000 /dev/zero > one; echo "size $(stat -c %s one)"'
  assert.match(await outputOf(await bash(stand, script)), /size 33554432\r/)
})

/** Living processes of a session's own user or work folder. */
function processesOf({ dataDir }: Stand, { id }: Session): number {
  const owners = readdirSync(join(dataDir, 'work')).map((name) => statSync(join(dataDir, 'work', name)).uid)
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1')
      return owners.length > 0 && environment.includes(`CLISCALE_SESSION_ID=${id}`)
    } catch {
      return false
    }
  }).length
}

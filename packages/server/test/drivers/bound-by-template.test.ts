import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import type { HeldLimit, SessionInfo, SessionLimits } from '@cliscale/sdk/protocol'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { runCli, spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

const SERVER = {
  processes: 256,
  memoryBytes: 268_435_456,
  cpus: 1,
  openFiles: 200,
  diskBytes: 67_108_864,
} as const
const SMALL = {
  processes: 32,
  memoryBytes: 67_108_864,
  cpus: 0.5,
  openFiles: 64,
  diskBytes: 8_388_608,
} as const

const FLAGS = [
  `--session-processes=${SERVER.processes}`,
  `--session-memory-bytes=${SERVER.memoryBytes}`,
  '--session-cpu-percent=100',
  `--session-open-files=${SERVER.openFiles}`,
  `--session-disk-bytes=${SERVER.diskBytes}`,
]

const TEMPLATES = [
  { name: 'whole', command: 'bash', allow: ['args'] },
  { name: 'small', command: 'bash', allow: ['args'], limits: SMALL },
  { name: 'few-files', command: 'bash', allow: ['args'], limits: { openFiles: 100 } },
]

async function newClient(t: TestContext, flags: readonly string[] = []): Promise<Cliscale> {
  const folder = await dataFolder()
  t.after(() => removeDataFolder(folder))
  const path = join(folder, 'templates.json')
  writeFileSync(path, JSON.stringify({ templates: TEMPLATES }))
  const server = await spawnServer(t, { flags: [...FLAGS, `--templates=${path}`, ...flags] })
  return new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })
}

/** Values without what holds them; null where this machine has nothing that does. */
function valuesOf(limits: SessionLimits | null): Readonly<Record<string, number | null>> {
  const held = Object.entries<HeldLimit | null>({ ...limits })
  return Object.fromEntries(held.map(([name, limit]) => [name, limit?.value ?? null]))
}

/** What a machine that can hold some of `wanted` only says of them. */
function heldOf(wanted: Readonly<Record<string, number>>, said: ReturnType<typeof valuesOf>): typeof said {
  return Object.fromEntries(
    Object.entries(wanted).map(([name, value]) => [name, said[name] === null ? null : value]),
  )
}

async function ended(client: Cliscale, id: string): Promise<SessionInfo> {
  return waitFor(
    async () => {
      const { info } = await client.sessions.get(id)
      return info.state === 'ended' && info
    },
    { what: 'the session to end', withinMs: 60_000 },
  )
}

for (const isolation of ['auto', 'none'] as const) {
  for (const spare of [0, 2]) {
    test(`a template lowers the bounds of its sessions alone, with ${spare} spare runners and isolation ${isolation}`, async (t) => {
      const client = await newClient(t, [`--isolation=${isolation}`, `--spare-runners=${spare}`])
      const wanted = { small: SMALL, whole: SERVER, 'few-files': { ...SERVER, openFiles: 100 } }
      for (const [template, limits] of Object.entries(wanted)) {
        const session = await client.sessions.create({ template, args: ['-c', 'ulimit -n; read -r line'] })
        const terminal = session.connect()
        let output = ''
        terminal.on('data', (data) => (output += Buffer.from(data).toString()))
        await waitFor(() => output.includes(`${limits.openFiles}\r\n`), {
          what: `${template} to have its limit of files`,
        })
        // Its output may be there before the controller knows that it runs.
        await session.waitUntil('running')
        const said = valuesOf((await client.sessions.get(session.id)).info.limits)
        assert.deepEqual(said, heldOf(limits, said))
        assert.equal(said.diskBytes, limits.diskBytes)
        await terminal.close()
        await session.kill()
      }
    })
  }
}

test('a template bounds what the server leaves open', async (t) => {
  const client = await newClient(t, [
    '--session-cpu-percent=0',
    '--session-memory-bytes=0',
    '--spare-runners=2',
  ])
  const whole = await client.sessions.create({ template: 'whole', args: ['-c', 'read -r line'] })
  await whole.waitUntil('running')
  const free = valuesOf((await client.sessions.get(whole.id)).info.limits)
  assert.equal(free.cpus, null)
  assert.equal(free.memoryBytes, null)
  await whole.kill()
  const burn = 'end=$((SECONDS + 2)); while [ $SECONDS -lt $end ]; do :; done; times'
  const small = await client.sessions.create({ template: 'small', args: ['-c', burn] })
  const output = await small.connect().text()
  const said = valuesOf((await client.sessions.get(small.id)).info.limits)
  assert.deepEqual(said, heldOf(SMALL, said))
  if (said.cpus === null) return
  // Half a processor for about two seconds.
  const [, minutes, seconds] = /^(\d+)m([\d.]+)s/m.exec(output) ?? []
  assert.ok(Number(minutes) * 60 + Number(seconds) < 1.5, output)
})

test('what a template bounds ends its session where it says, also in a runner that was there before', async (t) => {
  const client = await newClient(t, ['--spare-runners=2'])
  const fill = 'i=0; while :; do head -c 1000000 /dev/zero > $i || exit; i=$((i + 1)); sleep 0.02; done'
  const filler = await client.sessions.create({ template: 'small', args: ['-c', fill] })
  const full = await ended(client, filler.id)
  assert.equal(full.failure?.code, 'LIMIT_EXCEEDED')
  assert.match(full.failure.message, /8388608 bytes/)

  const hog = await client.sessions.create({
    template: 'small',
    args: ['-c', 'exec tail -c 1000000000 < <(head -c 900000000 /dev/zero)'],
  })
  await hog.waitUntil('running')
  const { limits } = (await client.sessions.get(hog.id)).info
  if (limits?.memoryBytes === null) return await hog.kill()
  const over = await ended(client, hog.id)
  assert.equal(over.failure?.code, 'LIMIT_EXCEEDED', JSON.stringify(over))
  assert.match(over.failure.message, /67108864 bytes of memory/)
})

test('a template that wants more than the server gives is a mistake of the configuration', async (t) => {
  const folder = await dataFolder()
  t.after(() => removeDataFolder(folder))
  const path = join(folder, 'templates.json')
  const limits = { processes: 257, cpus: 1.5, openFiles: 200, diskBytes: 67_108_865 }
  writeFileSync(path, JSON.stringify({ templates: [{ name: 'a', command: 'sh', limits }] }))
  const { code, stderr } = await runCli(['config', ...FLAGS, `--templates=${path}`])
  assert.equal(code, 2)
  assert.match(
    stderr,
    /templates\[0\]\.limits\.processes must be at most 256, as --session-processes allows, not 257/,
  )
  assert.match(
    stderr,
    /templates\[0\]\.limits\.cpus must be at most 1, as --session-cpu-percent allows, not 1\.5/,
  )
  assert.match(stderr, /templates\[0\]\.limits\.diskBytes must be at most 67108864/)
  assert.doesNotMatch(stderr, /openFiles/)
})

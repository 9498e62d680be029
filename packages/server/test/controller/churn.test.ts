import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { isDeepStrictEqual } from 'node:util'
import { runInNewContext } from 'node:vm'
import { inFull } from '../support/in-full.ts'
import { waitFor } from '../support/wait-for.ts'
import { newController, type TestController } from './new-controller.ts'

const BATCH = inFull(40, 20)
const BATCHES = 5
const SESSIONS = BATCH * BATCHES
const AT_ONCE = 4

/** Growth per session of what the garbage collector cannot free, in bytes; compiled code is 2 to 4 thousand of it. */
const MAX_HEAP_PER_SESSION = 8_192

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as (options: { type: 'major'; flavor: 'last-resort' }) => void

/** What is in use after finalizers ran; without the timings that Node keeps of this test's own requests. */
async function heapUsed(): Promise<number> {
  performance.clearResourceTimings()
  for (let i = 0; i < 3; i += 1) {
    collectGarbage({ type: 'major', flavor: 'last-resort' })
    await new Promise(setImmediate)
  }
  return process.memoryUsage().heapUsed
}

/**
 * The median growth of the heap over several batches: a leak grows in each, the engine's compiled code in few.
 * The first batches are not counted, as the engine also drops what only the start needed.
 */
async function heapGrowth(server: TestController): Promise<number> {
  const growths: number[] = []
  let before = await heapUsed()
  for (let i = 0; i < BATCHES; i += 1) {
    await openAndEnd(server, BATCH)
    const after = await heapUsed()
    growths.push(after - before)
    before = after
  }
  return growths.sort((a, b) => a - b)[BATCHES >> 1]! / BATCH
}

function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd')
}

/** Processes of any kind that mention the data folder in arguments or environment. */
function processesOf(dataFolder: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return false
    try {
      return ['cmdline', 'environ'].some((file) =>
        readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(dataFolder),
      )
    } catch {
      return false
    }
  })
}

async function openAndEnd(server: TestController, sessions: number): Promise<void> {
  let left = sessions
  const worker = async (): Promise<void> => {
    for (let turn = left--; turn > 0; turn = left--) {
      // Half end by themselves, half are ended.
      const command = turn % 2 === 0 ? ['-c', 'exit 0'] : ['-c', 'sleep 1000 & exec sleep 1000']
      const { session } = await server.create({ command: 'sh', args: command })
      if (turn % 2 === 0) await server.reaches(session.id, 'ended')
      else {
        await server.reaches(session.id, 'running', 'ended')
        await server.call('DELETE', `/v1/sessions/${session.id}`)
        await server.reaches(session.id, 'ended')
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  await waitFor(
    async () => (await server.driver.list()).length === 0 && server.controller.state.runners === 0,
    {
      what: 'every runner to be freed',
      withinMs: 30_000,
    },
  )
}

test(`${SESSIONS} sessions opened and ended leave no process, socket, file, row or memory behind`, async (t) => {
  const server = await newController(t)
  for (let warmUp = 0; warmUp < 2; warmUp += 1) await openAndEnd(server, BATCH)
  const descriptors = openDescriptors().length

  const growth = await heapGrowth(server)
  t.diagnostic(`heap: ${Math.round(growth)} bytes per session; rss ${process.memoryUsage.rss() >> 20} MiB`)
  assert.ok(growth < MAX_HEAP_PER_SESSION, `the heap grew by ${Math.round(growth)} bytes per session`)

  const left = async (): Promise<unknown> => ({
    processes: processesOf(server.dataFolder),
    runnerFolders: readdirSync(join(server.dataFolder, 'run')).filter((name) => name.startsWith('run_')),
    workFolders: readdirSync(join(server.dataFolder, 'work')),
    runners: await server.store.runners.live(),
    sessions: await server.store.sessions.live(),
    active: server.controller.state.active,
    descriptors: Math.max(0, openDescriptors().length - descriptors - 2),
  })
  await becomes(left, {
    processes: [],
    runnerFolders: [],
    workFolders: [],
    runners: [],
    sessions: [],
    active: 0,
    descriptors: 0,
  })
})

/** Waits until a value is the expected one, and shows how it differs when it never is. */
async function becomes(value: () => Promise<unknown>, expected: unknown): Promise<void> {
  let last: unknown
  try {
    await waitFor(
      async () => {
        last = await value()
        return isDeepStrictEqual(last, expected)
      },
      { what: 'nothing to be left' },
    )
  } catch {
    assert.deepEqual(last, expected)
  }
}

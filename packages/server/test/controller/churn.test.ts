import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { waitFor } from '../support/wait-for.ts'
import { newController, type TestController } from './new-controller.ts'

const SESSIONS = 200
const AT_ONCE = 4

/** Growth per session of what the garbage collector cannot free. */
const MAX_HEAP_PER_SESSION = 4_096

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function heapUsed(): number {
  for (let i = 0; i < 3; i += 1) collectGarbage()
  return process.memoryUsage().heapUsed
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
  await openAndEnd(server, 40)
  const descriptors = openDescriptors().length
  const heap = heapUsed()
  await openAndEnd(server, SESSIONS)

  const growth = (heapUsed() - heap) / SESSIONS
  t.diagnostic(`heap: ${Math.round(growth)} bytes per session; rss ${process.memoryUsage.rss() >> 20} MiB`)
  assert.ok(growth < MAX_HEAP_PER_SESSION, `the heap grew by ${Math.round(growth)} bytes per session`)
  assert.deepEqual(processesOf(server.dataFolder), [])
  assert.deepEqual(readdirSync(join(server.dataFolder, 'run')), [])
  assert.deepEqual(readdirSync(join(server.dataFolder, 'work')), [])
  assert.deepEqual(await server.store.runners.live(), [])
  assert.deepEqual(await server.store.sessions.live(), [])
  assert.equal(server.controller.state.active, 0)
  await waitFor(() => openDescriptors().length <= descriptors + 2, { what: 'descriptors to be closed' })
})

import type { Terminal } from '@cliscale/sdk'
import { median, pause } from '../gateway/measure.ts'
import { inTime } from './in-time.ts'
import { memoryOf, type ProcessMemory } from './process-memory.ts'
import { type BenchServer, startServer } from './server.ts'

const SESSIONS = 3
const SIZE = { columns: 200, rows: 50 }
const FLOOD_BYTES = 8_000_000
/** The screen is put away after 3 s, and V8 gives pages back some seconds after it has emptied them. */
const SETTLE_MS = 14_000

/** A program that waits for a return, then fills screen and scrollback with coloured text and wide characters. */
const FLOOD = `
read go
node=$1
exec "$node" -e '
  const line = (i) => Array.from({ length: 20 }, (_, j) =>
    "\\x1b[" + (30 + (i + j) % 8) + ";" + (40 + (i * 7 + j) % 8) + "m漢字abcdef").join("") + "\\x1b[0m\\n"
  for (let i = 0, bytes = 0; bytes < ${FLOOD_BYTES}; i++) {
    const text = line(i)
    bytes += Buffer.byteLength(text)
    require("node:fs").writeSync(1, text)
  }
  require("node:fs").writeSync(1, "flood" + "ed")
  setTimeout(() => {}, 600_000)
'`

/** Medians of several runners before, just after, and some time after a flood. */
export interface BusyMemory {
  readonly idle: ProcessMemory
  readonly flooded: ProcessMemory
  readonly settled: ProcessMemory
}

/** Lets some sessions with a terminal each put out a lot, and looks at their runners. */
export async function measureBusy(): Promise<BusyMemory> {
  // Not isolated, because a sandbox hides a Node that lies below /tmp; a runner's own memory is the same.
  const server = await startServer('--spare-runners=0', '--isolation=none')
  try {
    const terminals: Terminal[] = []
    for (let i = 0; i < SESSIONS; i += 1) terminals.push(await attach(server))
    await pause(2_000)
    const idle = medians(server)
    for (const terminal of terminals) await flood(terminal)
    await pause(300)
    const flooded = medians(server)
    await pause(SETTLE_MS)
    const settled = medians(server)
    await inTime('end of the terminals', Promise.all(terminals.map((terminal) => terminal.close())))
    return { idle, flooded, settled }
  } finally {
    await server.stop()
  }
}

async function attach({ cliscale }: BenchServer): Promise<Terminal> {
  const args = ['-c', FLOOD, 'flood', process.execPath]
  const session = await cliscale.sessions.create({ command: 'sh', args, ...SIZE })
  await session.waitUntil('running', { timeoutMs: 60_000 })
  const terminal = session.connect({ ...SIZE })
  await inTime('terminal that is ready', terminal.ready)
  return terminal
}

/** @throws Error when the command ended, the terminal closed, or a minute passed before all had come */
async function flood(terminal: Terminal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let tail = ''
  terminal.on('data', (data) => {
    tail = (tail + Buffer.from(data.subarray(-256)).toString('latin1')).slice(-256)
    if (tail.includes('flooded')) resolve()
  })
  terminal.on('exit', ({ reason }) => reject(new Error(`The flood ended too early: ${reason}.`)))
  await inTime('end of the flood', Promise.all([terminal.write('\r'), promise]))
}

function medians(server: BenchServer): ProcessMemory {
  const all = server.runnerPids().map(memoryOf)
  const of = (key: keyof ProcessMemory): number => median(all.map((memory) => memory[key]))
  return { private: of('private'), pss: of('pss'), resident: of('resident') }
}

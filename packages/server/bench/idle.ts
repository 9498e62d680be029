// npm run bench -- idle [--json] [--sessions=60]: what a session that does nothing costs, and what one keeps after a flood.
import { parseArgs } from 'node:util'
import type { Session, Terminal } from '@cliscale/sdk'
import { median, pause, rssBytes } from './gateway/measure.ts'
import { measureBusy } from './sessions/busy.ts'
import { privateBytes, type ProcessMemory } from './sessions/process-memory.ts'
import { type BenchServer, startServer } from './sessions/server.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, sessions: { type: 'string', default: '60' } },
})
const FEW = 10
const MANY = Number(values.sessions)
const AT_ONCE = 4

interface Point {
  readonly sessions: number
  readonly terminals: number
  readonly serverBytes: number
}

async function grow(server: BenchServer, sessions: Session[], to: number): Promise<void> {
  while (sessions.length < to) {
    const batch = Array.from({ length: Math.min(AT_ONCE, to - sessions.length) }, async () => {
      const session = await server.cliscale.sessions.create({ command: 'bash', args: ['--norc', '-i'] })
      return await session.waitUntil('running')
    })
    sessions.push(...(await Promise.all(batch)))
  }
}

async function attach(sessions: readonly Session[]): Promise<Terminal[]> {
  const terminals: Terminal[] = []
  for (const session of sessions) {
    const terminal = session.connect()
    terminal.on('data', () => undefined)
    await terminal.ready
    terminals.push(terminal)
  }
  return terminals
}

async function point(server: BenchServer, sessions: number, terminals: number): Promise<Point> {
  await pause(1_000)
  await server.collectGarbage()
  await pause(500)
  return { sessions, terminals, serverBytes: rssBytes([server.pid]) }
}

const server = await startServer('--spare-runners=0', `--max-sessions=${MANY + 1}`)
const sessions: Session[] = []
const points: Point[] = []
await grow(server, sessions, FEW)
points.push(await point(server, FEW, 0))
await grow(server, sessions, MANY)
points.push(await point(server, MANY, 0))
const runnerPids = server.runnerPids()
const runnerRss = median(runnerPids.map((pid) => rssBytes([pid])))
const runnerPrivate = median(runnerPids.map(privateBytes))
const terminals = await attach(sessions)
points.push(await point(server, MANY, terminals.length))
await Promise.all(terminals.map((terminal) => terminal.close()))
await server.stop()

const busy = await measureBusy()

const [few, many, attached] = points as [Point, Point, Point]
const perSession = (many.serverBytes - few.serverBytes) / (MANY - FEW)
const perTerminal = (attached.serverBytes - many.serverBytes) / MANY
const MIB = 1_048_576
const goals = [
  { name: 'one runner, resident', value: runnerRss / MIB, goal: 60, unit: 'MiB' },
  { name: 'server growth per idle session', value: perSession / 1_024, goal: 50, unit: 'KiB' },
  {
    name: 'own memory of a runner with a full screen above an idle one',
    value: (busy.settled.private - busy.idle.private) / MIB,
    goal: 5,
    unit: 'MiB',
  },
].map((row) => ({ ...row, value: Number(row.value.toFixed(1)), pass: row.value <= row.goal }))

if (values.json)
  console.log(JSON.stringify({ points, runnerRss, runnerPrivate, perSession, perTerminal, busy, goals }))
else {
  console.log(`server with ${FEW} idle sessions      ${(few.serverBytes / MIB).toFixed(1)} MiB`)
  console.log(
    `server with ${MANY} idle sessions      ${(many.serverBytes / MIB).toFixed(1)} MiB, ${(perSession / 1_024).toFixed(1)} KiB each`,
  )
  console.log(
    `and a terminal on each            ${(attached.serverBytes / MIB).toFixed(1)} MiB, ${(perTerminal / 1_024).toFixed(1)} KiB each`,
  )
  console.log(
    `one runner with an idle bash      ${(runnerRss / MIB).toFixed(1)} MiB resident, ${(runnerPrivate / MIB).toFixed(1)} MiB of its own`,
  )
  for (const [when, at] of Object.entries<ProcessMemory>({ ...busy })) {
    console.log(
      `a runner at 200×50, ${when.padEnd(13)} ${(at.private / MIB).toFixed(1)} MiB of its own, ${(at.pss / MIB).toFixed(1)} MiB proportional, ${(at.resident / MIB).toFixed(1)} MiB resident`,
    )
  }
  for (const { name, value, goal, unit, pass } of goals)
    console.log(`${pass ? 'pass ' : 'short'} ${name}: ${value} ${unit} (goal ≤ ${goal})`)
}
process.exit(0)

import type { Session, Terminal } from '@cliscale/sdk'
import { median, pause, rssBytes } from '../gateway/measure.ts'
import { inTime } from './in-time.ts'
import { privateBytes } from './process-memory.ts'
import { type BenchServer, startServer } from './server.ts'

/** How many sessions lie between two points. */
const STEP = 10
const AT_ONCE = 5
const START_MS = 60_000

/** The server's memory with so many sessions, and terminals on them. */
export interface Point {
  readonly sessions: number
  readonly terminals: number
  readonly serverBytes: number
}

/** What sessions that do nothing cost, in bytes. */
export interface IdleMemory {
  /** With ten sessions, twenty and so on. */
  readonly points: readonly [Point, ...Point[]]
  /** With all sessions and a terminal on none of them, ten of them and so on. */
  readonly attached: readonly [Point, ...Point[]]
  readonly runnerRss: number
  readonly runnerPrivate: number
}

/** Starts a server and `count` sessions, and looks at the memory of the server and of the runners. */
export async function measureIdle(count: number): Promise<IdleMemory> {
  const server = await startServer('--spare-runners=0', `--max-sessions=${count + 1}`)
  try {
    await warmUp(server, count)
    const sessions: Session[] = []
    await grow(server, sessions, Math.min(STEP, count))
    const points: [Point, ...Point[]] = [await point(server, sessions.length, 0)]
    while (sessions.length < count) {
      await grow(server, sessions, Math.min(sessions.length + STEP, count))
      points.push(await point(server, sessions.length, 0))
    }
    const pids = server.runnerPids()
    const runnerRss = median(pids.map((pid) => rssBytes([pid])))
    const runnerPrivate = median(pids.map(privateBytes))
    const attached: [Point, ...Point[]] = [await point(server, count, 0)]
    const terminals: Terminal[] = []
    while (terminals.length < count) {
      terminals.push(...(await attach(sessions.slice(terminals.length, terminals.length + STEP))))
      attached.push(await point(server, count, terminals.length))
    }
    await inTime('end of the terminals', Promise.all(terminals.map((terminal) => terminal.close())))
    return { points, attached, runnerRss, runnerPrivate }
  } finally {
    await server.stop()
  }
}

/**
 * Bytes of the server for each session, or each terminal: the median of the slopes between all pairs of points (Theil and Sen), because
 * now and then the C heap holds two megabytes more, whatever the number of sessions.
 */
export function slopeOf(points: readonly Point[], of: 'sessions' | 'terminals'): number {
  const slopes = points.flatMap((from, index) =>
    points.slice(index + 1).map((to) => (to.serverBytes - from.serverBytes) / (to[of] - from[of])),
  )
  return median(slopes)
}

/**
 * Once among its first hundred sessions a server takes up to 14 MB from the C heap for a moment, and some of it stays.
 * That belongs to no session, so it should be over before the first point.
 */
async function warmUp(server: BenchServer, count: number): Promise<void> {
  const sessions: Session[] = []
  await grow(server, sessions, count)
  const ends = sessions.map(async (session) => {
    await session.kill()
    await session.waitUntil('ended', { timeoutMs: START_MS })
  })
  await inTime('end of the first sessions', Promise.all(ends), 2 * START_MS)
}

async function grow(server: BenchServer, sessions: Session[], to: number): Promise<void> {
  while (sessions.length < to) {
    const batch = Array.from({ length: Math.min(AT_ONCE, to - sessions.length) }, async () => {
      const session = await server.cliscale.sessions.create({ command: 'bash', args: ['--norc', '-i'] })
      return await session.waitUntil('running', { timeoutMs: START_MS })
    })
    sessions.push(...(await inTime('sessions that run', Promise.all(batch), 2 * START_MS)))
  }
}

async function attach(sessions: readonly Session[]): Promise<Terminal[]> {
  const terminals: Terminal[] = []
  for (const session of sessions) {
    const terminal = session.connect()
    terminal.on('data', () => undefined)
    await inTime('terminal that is ready', terminal.ready)
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

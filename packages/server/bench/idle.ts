// npm run bench -- idle [--json] [--sessions=60]: what a session that does nothing costs, and what one keeps after a flood.
import { parseArgs } from 'node:util'
import { measureBusy } from './sessions/busy.ts'
import { measureIdle, slopeOf } from './sessions/idle.ts'
import type { ProcessMemory } from './sessions/process-memory.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, sessions: { type: 'string', default: '60' } },
})
const SESSIONS = Number(values.sessions)
if (!Number.isInteger(SESSIONS) || SESSIONS < 1) throw new Error('--sessions must be a number above 0.')

/** With fewer sessions more, what the server's heap happens to hold weighs more than they do. */
const ENOUGH = 20

const KB = 1_000
const MB = 1_000_000

const { points, attached, runnerRss, runnerPrivate } = await measureIdle(SESSIONS)
const busy = await measureBusy()

const [first] = points
const last = points.at(-1) ?? first
const perSession = last.sessions - first.sessions < ENOUGH ? null : slopeOf(points, 'sessions')
const perTerminal = SESSIONS < ENOUGH ? null : slopeOf(attached, 'terminals')

const goals = [
  { name: 'one runner, resident', value: runnerRss / MB, goal: 60, unit: 'MB' },
  ...(perSession === null
    ? []
    : [{ name: 'server growth per idle session', value: perSession / KB, goal: 50, unit: 'KB' }]),
  {
    name: 'own memory of a runner with a full screen above an idle one',
    value: (busy.settled.private - busy.idle.private) / MB,
    goal: 5,
    unit: 'MB',
  },
].map((row) => ({ ...row, value: Number(row.value.toFixed(1)), pass: row.value <= row.goal }))

const mb = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`
const each = (bytes: number | null): string =>
  bytes === null
    ? `too few sessions to tell what each takes (--sessions=${first.sessions + ENOUGH} or more)`
    : `${(bytes / KB).toFixed(1)} KB each`

if (values.json)
  console.log(
    JSON.stringify({ points, attached, runnerRss, runnerPrivate, perSession, perTerminal, busy, goals }),
  )
else {
  for (const { sessions, serverBytes } of points)
    console.log(`server with ${String(sessions).padEnd(4)} idle sessions    ${mb(serverBytes)}`)
  console.log(`so a session takes                ${each(perSession)}`)
  for (const { terminals, serverBytes } of attached.slice(1))
    console.log(`and ${String(terminals).padEnd(4)} terminals on them       ${mb(serverBytes)}`)
  console.log(`so a terminal takes               ${each(perTerminal)}`)
  console.log(`one runner with an idle bash      ${mb(runnerRss)} resident, ${mb(runnerPrivate)} of its own`)
  for (const [when, at] of Object.entries<ProcessMemory>({ ...busy })) {
    console.log(
      `a runner at 200×50, ${when.padEnd(13)} ${mb(at.private)} of its own, ${mb(at.pss)} proportional, ${mb(at.resident)} resident`,
    )
  }
  for (const { name, value, goal, unit, pass } of goals)
    console.log(`${pass ? 'pass ' : 'short'} ${name}: ${value} ${unit} (goal ≤ ${goal})`)
}
process.exit(0)

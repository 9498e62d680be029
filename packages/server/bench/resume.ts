// npm run bench -- resume [--json] [--quick] [--standby] [--terminals=2000] [--real=50] [--rounds=1]: a gateway that is
// killed, and one that drains, under terminals that stream numbers in both directions.
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startControlPlane } from './gateway/control-plane.ts'
import { pause, quantile } from './gateway/measure.ts'
import { end, forkNode } from './gateway/processes.ts'
import { ClientProcesses } from './resume/client-processes.ts'
import type { ClientReport, Outage } from './resume/clients.ts'
import { type GatewayProcess, type GatewaySettings, startGateway } from './resume/gateway-process.ts'
import type { Hosted } from './resume/host.ts'
import { isWhole } from './resume/numbers.ts'
import { countProcessorTime, type ProcessorTime } from './resume/processor-time.ts'
import { BenchSessions } from './resume/sessions.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    source: { type: 'boolean', default: false },
    /** Another gateway is up already when one is killed, as where several share the load. */
    standby: { type: 'boolean', default: false },
    terminals: { type: 'string' },
    real: { type: 'string' },
    rounds: { type: 'string', default: '1' },
    'drain-seconds': { type: 'string' },
    'every-ms': { type: 'string', default: '1000' },
    workers: { type: 'string', default: '1' },
  },
})
const TERMINALS = Number(values.terminals ?? (values.quick ? 200 : 2_000))
const REAL = Math.min(Number(values.real ?? (values.quick ? 10 : 50)), TERMINALS)
const DRAIN_SECONDS = Number(values['drain-seconds'] ?? (values.quick ? 3 : 10))
const EVERY_MS = Number(values['every-ms'])
const ROUNDS = Number(values.rounds)
const PER_HOST = 1_000
const CLIENT_PROCESSES = Math.min(4, Math.ceil(TERMINALS / 100))
const AT_ONCE = 8
const RESUME_WITHIN_MS = 60_000
const SETTLE_MS = 2_000

/** One thing that was done to the gateway, and what the terminals saw of it. */
interface Event {
  readonly kind: 'kill' | 'drain'
  readonly at: number
  /** When another gateway could take them; a drain has it before. */
  readonly readyAt: number
  readonly outages: readonly Outage[]
  /** Who used the processors until all were back. */
  readonly processors: ProcessorTime
}

const say = (text: string): void => {
  if (!values.json) console.error(text)
}
const HERE = new URL('./resume/', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'csr-'))
const plane = await startControlPlane(folder)
mkdirSync(join(plane.dataDir, 'run'), { recursive: true, mode: 0o700 })
const sessions = await BenchSessions.open(plane)
const settings: GatewaySettings = {
  connectionString: plane.connectionString,
  dataDir: plane.dataDir,
  drainSeconds: DRAIN_SECONDS,
  source: values.source,
  flags: [`--workers=${values.workers}`],
}
const sockets = Array.from({ length: Math.ceil((TERMINALS - REAL) / PER_HOST) }, (_, at) =>
  join(plane.dataDir, 'run', `host-${at}`),
)
const hosts = sockets.map((path) => forkNode(`${HERE}host.ts`, [path, String(EVERY_MS)]))
await Promise.all(hosts.map((host) => once(host, 'message')))
const clients = new ClientProcesses(CLIENT_PROCESSES, EVERY_MS, (id) => sessions.token(id))
const ROLES = {
  'SDK clients': () => clients.pids,
  gateway: () => [gateway.child.pid ?? 0],
  'terminal servers': () => hosts.map(({ pid }) => pid ?? 0),
  'bench (mints tokens)': () => [process.pid],
}
const events: Event[] = []
let gateway: GatewayProcess = await startGateway(settings)

try {
  const runnerOf = await makeSessions()
  clients.use(gateway.url)
  await clients.open([...runnerOf.keys()])
  say(`${TERMINALS} terminals, ${REAL} of them with a runner and a PTY of their own`)
  for (let round = 1; round <= ROUNDS; round += 1) {
    await pause(SETTLE_MS)
    events.push(await kill())
    say(`round ${round}: ${textOf(events.at(-1))}`)
    await pause(SETTLE_MS)
    events.push(await replace('drain', 'SIGTERM'))
    say(`round ${round}: ${textOf(events.at(-1))}`)
  }
  print(await verify(runnerOf))
} finally {
  await clients.close()
  await Promise.all(hosts.map(end))
  await gateway.end('SIGKILL')
  await sessions.close()
  await plane.close()
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}
process.exit(0)

async function makeSessions(): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>()
  const numbers = Array.from({ length: TERMINALS }, (_, at) => at).values()
  const lane = async (): Promise<void> => {
    for (const at of numbers) {
      const socket = sockets[at % sockets.length] ?? ''
      const { sessionId, runnerId } = await (at < REAL ? sessions.real(EVERY_MS) : sessions.hosted(socket))
      made.set(sessionId, runnerId)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return made
}

/** `kill -9`, and at once another one on the same port, or the one that stands by. */
async function kill(): Promise<Event> {
  if (values.standby) return await replace('kill', 'SIGKILL')
  const { port } = new URL(gateway.url)
  const at = Date.now()
  const used = countProcessorTime(ROLES)
  await gateway.end('SIGKILL')
  gateway = await startGateway(settings, Number(port))
  const readyAt = Date.now()
  return { kind: 'kill', at, readyAt, outages: await allBack(at), processors: used() }
}

/** Another gateway is up, and clients that connect are sent there; then the first is told to go, or killed. */
async function replace(kind: Event['kind'], signal: NodeJS.Signals): Promise<Event> {
  const old = gateway
  gateway = await startGateway(settings)
  clients.use(gateway.url)
  const at = Date.now()
  const used = countProcessorTime(ROLES)
  await old.end(signal)
  return { kind, at, readyAt: at, outages: await allBack(at), processors: used() }
}

/** Each terminal's outage since then, once all are back or the time is over. */
async function allBack(since: number): Promise<readonly Outage[]> {
  for (;;) {
    const reports = await clients.report()
    const outages = reports.flatMap(({ outages: all }) => all.filter(({ lostAt }) => lostAt >= since))
    const back = outages.filter(({ resumedAt }) => resumedAt > 0)
    if (back.length >= TERMINALS || Date.now() > since + RESUME_WITHIN_MS) return outages
    await pause(250)
  }
}

interface Verdict {
  readonly reports: readonly ClientReport[]
  readonly wholeOut: number
  readonly wholeIn: number
}

/** Ends both streams, lets them run out, and compares what was sent with what arrived. */
async function verify(runnerOf: ReadonlyMap<string, string>): Promise<Verdict> {
  clients.stop()
  for (const host of hosts) host.send('stop')
  await sessions.stopPrograms()
  let verdict: Verdict
  const until = Date.now() + 15_000
  do {
    await pause(SETTLE_MS)
    verdict = await compare(runnerOf)
  } while ((verdict.wholeIn < TERMINALS || verdict.wholeOut < TERMINALS) && Date.now() < until)
  return verdict
}

async function compare(runnerOf: ReadonlyMap<string, string>): Promise<Verdict> {
  const hosted = await Promise.all(hosts.map(hostReport))
  const runners = new Map([...hosted.flat(), ...(await sessions.report())].map((one) => [one.runnerId, one]))
  const reports = await clients.report()
  let wholeOut = 0
  let wholeIn = 0
  for (const { sessionId, received, sent } of reports) {
    const runner = runners.get(runnerOf.get(sessionId) ?? '')
    if (isWhole(received, runner?.emitted ?? -1)) wholeOut += 1
    if (isWhole(runner?.input, sent)) wholeIn += 1
  }
  return { reports, wholeOut, wholeIn }
}

async function hostReport(host: (typeof hosts)[number]): Promise<readonly Hosted[]> {
  host.send('report')
  const [report] = (await once(host, 'message')) as [readonly Hosted[]]
  return report
}

/** Seconds until so large a share of all terminals was back. */
function backWithin({ at, outages }: Event, share: number): number {
  const ms = outages.map(({ resumedAt }) => (resumedAt > 0 ? resumedAt - at : Infinity))
  const missing = Array.from({ length: TERMINALS - outages.length }, () => Infinity)
  return quantile([...ms, ...missing], share) / 1_000
}

/** Most connections that were lost within one second. */
function mostPerSecond({ outages }: Event): number {
  const times = outages.map(({ lostAt }) => lostAt).toSorted((a, b) => a - b)
  let from = 0
  return times.reduce((most, time, at) => {
    while (time - (times[from] ?? time) >= 1_000) from += 1
    return Math.max(most, at - from + 1)
  }, 0)
}

function textOf(event: Event | undefined): string {
  if (event === undefined) return ''
  const { kind, at, readyAt, outages } = event
  const took = `99 % back after ${backWithin(event, 0.99).toFixed(2)} s, all after ${backWithin(event, 1).toFixed(2)} s`
  const attempts = quantile(
    outages.map((outage) => outage.attempts),
    0.99,
  )
  const how =
    kind === 'kill' ? `up again after ${readyAt - at} ms, ` : `at most ${mostPerSecond(event)} closes/s, `
  return `${kind}: ${how}${took}, p99 of attempts ${attempts}; processor time ${timeText(event.processors)}`
}

function timeText({ seconds, available }: ProcessorTime): string {
  const parts = Object.entries(seconds).map(([role, used]) => `${role} ${used.toFixed(1)} s`)
  return `${parts.join(', ')} of ${available.toFixed(1)} s`
}

interface Goal {
  readonly name: string
  readonly value: number
  readonly goal: number
  readonly unit: string
  readonly pass: boolean
}

function goalsOf({ reports, wholeIn, wholeOut }: Verdict): readonly Goal[] {
  const atMost = (name: string, value: number, goal: number, unit: string): Goal => {
    const shown = Number(value.toFixed(2))
    return { name, value: shown, goal, unit, pass: shown <= goal }
  }
  const of = (kind: Event['kind']): readonly Event[] => events.filter((event) => event.kind === kind)
  const outages = events.flatMap((event) => event.outages)
  const slowest = Math.max(...of('kill').map((event) => backWithin(event, 0.99)))
  const most = Math.max(...of('drain').map(mostPerSecond))
  const errors = reports.reduce((sum, report) => sum + report.errors.length, 0)
  const gone = of('drain').flatMap((event) => event.outages.filter(({ code }) => code !== 'DRAINING'))
  return [
    atMost(
      `kill -9${values.standby ? ' beside another gateway' : ''}: 99 % of the terminals resumed`,
      slowest,
      3,
      's',
    ),
    atMost(
      'resumes that were no delta',
      outages.filter(({ mode }) => mode !== 'delta').length,
      0,
      'terminals',
    ),
    atMost('output lost or doubled (SHA-256)', TERMINALS - wholeOut, 0, 'terminals'),
    atMost('input lost or doubled (SHA-256)', TERMINALS - wholeIn, 0, 'terminals'),
    atMost(
      'drain: most closes in a second',
      most,
      Math.ceil((2 * TERMINALS) / Math.max(1, DRAIN_SECONDS)),
      '1/s',
    ),
    atMost('drain: connections that ended otherwise', gone.length, 0, 'terminals'),
    atMost('error events at clients', errors, 0, 'events'),
  ]
}

function print(verdict: Verdict): void {
  const goals = goalsOf(verdict)
  const figures = events.map((event) => ({
    kind: event.kind,
    upAgainMs: event.readyAt - event.at,
    p50Seconds: backWithin(event, 0.5),
    p99Seconds: backWithin(event, 0.99),
    lastSeconds: backWithin(event, 1),
    mostLostPerSecond: mostPerSecond(event),
    attempts: event.outages.reduce((sum, outage) => sum + outage.attempts, 0),
    processors: event.processors,
  }))
  const { tokens } = clients
  const bytes = verdict.reports.reduce((sum, { received, sent }) => sum + received.bytes + sent, 0)
  const outcome = {
    terminals: TERMINALS,
    real: REAL,
    drainSeconds: DRAIN_SECONDS,
    tokens,
    bytes,
    figures,
    goals,
  }
  if (values.json) return console.log(JSON.stringify(outcome))
  console.log(`${TERMINALS} terminals, ${tokens} tokens, ${bytes} bytes in both directions`)
  for (const { name, value, goal, unit, pass } of goals)
    console.log(`${pass ? 'pass ' : 'short'} ${name}: ${value} ${unit} (goal ≤ ${goal})`)
}

// npm run bench -- start [--json] [--rounds=100]: how long from create() to the first byte of a prompt.
import { spawn as spawnProcess } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { spawn as spawnPty } from '@lydell/node-pty'
import { pause, quantile } from './gateway/measure.ts'
import { type BenchServer, startServer } from './sessions/server.ts'

const { values } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '100' } },
})
const ROUNDS = Number(values.rounds)
const BURST = 20
const COMMAND = 'bash'
const ARGS = ['--norc', '--noprofile', '-i']

interface Row {
  readonly name: string
  readonly ms: readonly number[]
}

/** A process of the machine's own, from spawn to exit: what any start of Node costs here. */
async function emptyNode(): Promise<number> {
  const startedAt = performance.now()
  await once(spawnProcess(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit')
  return performance.now() - startedAt
}

/** The same shell on a bare PTY of this process, from spawn to the first byte. */
async function barePty(): Promise<number> {
  const startedAt = performance.now()
  const pty = spawnPty(COMMAND, ARGS, { cols: 80, rows: 24 })
  const ms = await new Promise<number>((resolve) => {
    const data = pty.onData(() => {
      data.dispose()
      resolve(performance.now() - startedAt)
    })
  })
  const gone = new Promise<void>((resolve) => void pty.onExit(() => resolve()))
  pty.kill('SIGKILL')
  await gone
  return ms
}

/** A session, from create() to the first byte of output in the SDK. */
async function session({ cliscale }: BenchServer): Promise<number> {
  const startedAt = performance.now()
  const created = await cliscale.sessions.create({ command: COMMAND, args: ARGS })
  const terminal = created.connect()
  const ms = await new Promise<number>((resolve, reject) => {
    terminal.on('data', () => resolve(performance.now() - startedAt))
    terminal.exited.catch(reject)
  })
  await terminal.close()
  await created.kill()
  return ms
}

/** Until nothing starts or ends any more and `spare` runners wait. */
async function settled(server: BenchServer, spare: number): Promise<void> {
  for (;;) {
    const [active, runners] = [
      await server.metric('cliscale_controller_active_sessions'),
      await server.metric('cliscale_controller_runners'),
    ]
    if (active === 0 && runners === spare) return
    await pause(20)
  }
}

/** One after the other; each round also starts the two yardsticks, so that all see the same noise. */
async function inSequence(name: string, isolation: string, spare: number): Promise<Row[]> {
  const server = await startServer(`--isolation=${isolation}`, `--spare-runners=${spare}`)
  const rows = [`${name}, ${isolation}`, 'node -e 0', 'bare PTY'].map((row) => ({
    name: row,
    ms: [] as number[],
  }))
  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      await settled(server, spare)
      rows[1]?.ms.push(await emptyNode())
      rows[2]?.ms.push(await barePty())
      rows[0]?.ms.push(await session(server))
    }
  } finally {
    await server.stop()
  }
  return rows
}

/** All at once. */
async function burst(name: string, spare: number): Promise<Row> {
  const server = await startServer(`--spare-runners=${spare}`)
  try {
    await settled(server, spare)
    const ms = await Promise.all(Array.from({ length: BURST }, () => session(server)))
    return { name, ms }
  } finally {
    await server.stop()
  }
}

interface Goal {
  readonly name: string
  readonly value: number
  readonly goal: number
  readonly unit: string
  readonly pass: boolean
}

function goal(name: string, value: number, limit: number, unit: string): Goal {
  return { name, value: Number(value.toFixed(2)), goal: limit, unit, pass: value <= limit }
}

const p50 = ({ ms }: Row): number => quantile(ms, 0.5)

function goalsOf([warm, cold]: readonly [Row[], Row[]]): Goal[] {
  const [warmRow, , warmPty] = warm as [Row, Row, Row]
  const [coldRow, coldNode] = cold as [Row, Row, Row]
  return [
    goal(`${warmRow.name}: p50 above a bare PTY`, p50(warmRow) - p50(warmPty), 30, 'ms'),
    goal(`${coldRow.name}: p50 over node -e 0`, p50(coldRow) / p50(coldNode), 3, '×'),
  ]
}

/** What a sandbox adds to a start, in milliseconds of the medians. */
interface Price {
  readonly name: string
  readonly ms: number
}

/** Both isolations in the same run, so that a loud moment of the machine weighs on both. */
function pricesOf(sandboxed: readonly Row[], plain: readonly Row[]): Price[] {
  return sandboxed.flatMap((row, index) => {
    const other = plain[index]
    return other === undefined ? [] : [{ name: row.name, ms: Number((p50(row) - p50(other)).toFixed(1)) }]
  })
}

const rows: Row[] = []
const goals: Goal[] = []
const starts: Record<'bubblewrap' | 'none', Row[]> = { bubblewrap: [], none: [] }
for (const isolation of ['bubblewrap', 'none'] as const) {
  const warm = await inSequence('with a spare runner', isolation, 3)
  const cold = await inSequence('cold', isolation, 0)
  rows.push(...warm, ...cold)
  goals.push(...goalsOf([warm, cold]))
  starts[isolation].push(...warm.slice(0, 1), ...cold.slice(0, 1))
}
rows.push(
  await burst(`burst of ${BURST}, ${BURST} spare runners`, BURST),
  await burst(`burst of ${BURST}, cold`, 0),
)

const isolationPrices = pricesOf(starts.bubblewrap, starts.none)
if (values.json) console.log(JSON.stringify({ rows, goals, isolationPrices }))
else {
  console.log(
    `${'create to first byte, ms'.padEnd(40)}${['p50', 'p95', 'n'].map((head) => head.padStart(9)).join('')}`,
  )
  for (const { name, ms } of rows)
    console.log(
      `${name.padEnd(40)}${quantile(ms, 0.5).toFixed(1).padStart(9)}${quantile(ms, 0.95).toFixed(1).padStart(9)}${String(ms.length).padStart(9)}`,
    )
  for (const { name, ms } of isolationPrices) console.log(`${name} over none: ${ms} ms`)
  for (const { name, value, goal: limit, unit, pass } of goals)
    console.log(`${pass ? 'pass ' : 'short'} ${name}: ${value} ${unit} (goal ≤ ${limit})`)
}
process.exit(0)

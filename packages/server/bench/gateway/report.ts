import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Goal, judge } from './goals.ts'
import { median } from './measure.ts'
import { FIGURES, type Results, SCENARIO_NOTES } from './results.ts'
import type { Scale } from './scenarios.ts'

/** What a run was. */
export interface ReportOptions {
  readonly results: Results
  readonly missing: readonly string[]
  readonly rounds: number
  readonly scale: Scale
  readonly quick: boolean
  /** Load of the machine before the run: above zero somebody else was working too. */
  readonly loadBefore: number
}

/** Everything as one object. */
export function asJson(options: ReportOptions): string {
  const { results, missing, rounds, scale, quick } = options
  return JSON.stringify({
    goals: judge(results),
    machine: machine(options),
    rounds,
    quick,
    scale,
    missing,
    results,
  })
}

/** Everything as tables. */
export function asText({ results, missing }: ReportOptions): string {
  const lines: string[] = []
  for (const [scenario, peers] of Object.entries(results)) {
    lines.push(
      '',
      scenario,
      ...table(peers).map((row) =>
        row.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(24))).join(''),
      ),
    )
  }
  lines.push('', 'goals', ...judge(results).map(goalLine))
  for (const reason of missing) lines.push(`missing: ${reason}`)
  return lines.join('\n')
}

/** Writes BENCHMARKS.md beside the package's other documents. */
export function writeMarkdown(options: ReportOptions): void {
  const { results, missing, rounds, quick } = options
  const { cpu, memoryGb, kernel, node, load } = machine(options)
  const sections = Object.entries(results).map(([scenario, peers]) => {
    const [head = [], ...rows] = table(peers)
    return [
      `## ${scenario}`,
      '',
      SCENARIO_NOTES[scenario] ?? '',
      '',
      row(head),
      row(head.map((_, i) => (i === 0 ? ':--' : '--:'))),
      ...rows.map(row),
    ].join('\n')
  })
  const goals = judge(results).map((goal) =>
    row([
      goal.name,
      `${shown(goal.value)} ${goal.unit}`,
      `≤ ${goal.goal} ${goal.unit}`,
      goal.pass ? 'yes' : '**short**',
    ]),
  )
  const text = [
    '# Benchmarks of the gateway',
    '',
    'Written by `npm run bench -- gateway --write`; do not edit. Everything ran side by side in one run on one machine,',
    `${rounds} rounds, medians. ${quick ? 'A quick run: smaller numbers than the full one. ' : ''}Other machines give other numbers: compare columns, not runs.`,
    '',
    `- ${cpu}, ${memoryGb} GB, Linux ${kernel}, Node ${node}, all parties on loopback`,
    `- load of the machine before the run: ${load}${load > 0.5 ? ' (others were working on it: times are high and uneven, ratios blurred)' : ''}`,
    ...missing.map((reason) => `- missing: ${reason}`),
    '',
    '## Goals',
    '',
    row(['goal', 'seen', 'goal is', 'held']),
    row([':--', '--:', '--:', ':--']),
    ...goals,
    '',
    sections.join('\n\n'),
    '',
  ].join('\n')
  const file = fileURLToPath(new URL('../../BENCHMARKS.md', import.meta.url))
  writeFileSync(file, text)
  execFileSync('npx', ['--no-install', 'prettier', '--write', file], { stdio: 'ignore' })
}

function machine({ loadBefore }: ReportOptions): {
  cpu: string
  memoryGb: number
  kernel: string
  node: string
  load: number
} {
  const [first] = cpus()
  return {
    cpu: `${cpus().length} × ${first?.model ?? 'unknown processor'}`,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.versions.node,
    load: Math.round(loadBefore * 10) / 10,
  }
}

/** Load of the last minute. */
export function load(): number {
  return loadavg()[0] ?? 0
}

function table(peers: Results[string]): string[][] {
  const figures = [...new Set(Object.values(peers).flatMap((one) => Object.keys(one)))]
  const head = figures.map((name) => {
    const [label, unit] = FIGURES[name] ?? [name, '']
    return unit === '' ? label : `${label} (${unit})`
  })
  const rows = Object.entries(peers).map(([peer, values]) => [
    peer,
    ...figures.map((name) => (values[name] === undefined ? '–' : shown(median(values[name])))),
  ])
  return [['', ...head], ...rows]
}

function goalLine({ name, value, goal, unit, pass }: Goal): string {
  return `${pass ? 'pass ' : 'short'} ${name}: ${shown(value)} ${unit} (goal ${goal})`
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}

function shown(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US')
  return value === 0 ? '0' : String(Number(value.toPrecision(3)))
}

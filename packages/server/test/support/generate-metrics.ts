import { CLOSE_CODES, ERRORS, ROLES, RUNNER_RESUMES } from '@cliscale/sdk/protocol'
import { FleetFigures } from '../../src/controller/fleet-figures.ts'
import { gatewayMetrics, OPCODES, UPGRADE_PHASES } from '../../src/gateway/metrics.ts'
import { DROP_REASONS, GatewayStats } from '../../src/gateway/stats.ts'
import { LOSSES } from '../../src/observability/output.ts'
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts'
import { fleetMetrics } from '../../src/server/fleet-metrics.ts'
import {
  controllerMetrics,
  crewMetrics,
  databaseMetrics,
  keyMetrics,
  poolWaitMetrics,
} from '../../src/server/metrics.ts'
import { type Generated, generated } from './generated.ts'

/** One metric of the server. */
export interface DocumentedMetric {
  readonly name: string
  readonly type: string
  /** Values of each label; null when they are not ours to number. */
  readonly labels: Readonly<Record<string, readonly string[] | null>>
  readonly unit: string
  readonly help: string
  /** How the values of several workers become one. */
  readonly aggregator: string
}

/** The metrics that one part of the server registers. */
export interface DocumentedPart {
  readonly title: string
  /** Where it is to be found. */
  readonly where: string
  readonly metrics: readonly DocumentedMetric[]
}

const REASONS = Object.keys(ERRORS).map((code) => code.toLowerCase())
const SIDES = ['client', 'runner']

/** Values of labels, by metric and label, or by label alone. */
const LABEL_VALUES: Readonly<Record<string, readonly string[] | null>> = {
  role: ROLES,
  direction: ['in', 'out'],
  opcode: OPCODES.map(([, name]) => name),
  phase: UPGRADE_PHASES,
  mode: RUNNER_RESUMES,
  side: SIDES,
  code: [...Object.keys(CLOSE_CODES), 'other'],
  'cliscale_gateway_closed_total side': [...SIDES, 'gateway'],
  'cliscale_gateway_upgrades_total result': ['ok', 'rejected', 'error'],
  'cliscale_gateway_upgrades_total reason': ['', ...REASONS],
  'cliscale_gateway_dials_total result': ['ok', 'runner_unreachable', 'runner_refused', 'too_many_clients'],
  'cliscale_gateway_frames_dropped_total reason': DROP_REASONS,
  'cliscale_database_connections state': ['busy', 'idle', 'waiting'],
  'cliscale_controller_recordings_total state': ['stored', 'failed'],
  'cliscale_log_dropped_lines_total reason': LOSSES,
  'cliscale_server_workers state': ['wanted', 'up'],
  // Named by Node and V8.
  type: null,
  kind: null,
  space: null,
  version: null,
  major: null,
  minor: null,
  patch: null,
}

const RUNNERS =
  'Modes `all` and `controller`. Runners tell their figures over the stream of events that their controller follows: a second after clients came or went, every 15 seconds while something changes, and at their end. Counters go on when runners end, and begin with what is new when a server takes runners up from an earlier life.'

/** Long lists that stand elsewhere. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  reason:
    'empty for `ok`, else an [error code](../sdk/ERRORS.md) in lower case, as in `token_used` or `origin_refused`',
  code: 'a close code from 1000 to 1015 or from 4400 to 4599, as in `1000` or `4401`, else `other`',
}

const OVER_WORKERS: Readonly<Record<string, string>> = {
  max: ' Several workers: the largest.',
  min: ' Several workers: the smallest.',
  average: ' Several workers: the average.',
  first: ' Several workers: the first.',
  omit: ' Several workers: left out.',
}

/** What every part of the server registers, told by the code that registers it, with readings of a server at rest. */
export async function documentedParts(): Promise<readonly DocumentedPart[]> {
  return await Promise.all([
    part('Gateway', 'Modes `all` and `gateway`; with several workers, in each of them.', registerGateway),
    part('Controller', 'Modes `all` and `controller`; with several workers, once.', (metrics) => {
      const recordings = { stored: 0, failed: 0, waiting: 0 }
      controllerMetrics(metrics, () => ({ active: 0, queued: 0, starting: 0, runners: 0, recordings }))
    }),
    part('Runners', RUNNERS, (metrics) => fleetMetrics(metrics, new FleetFigures())),
    part('Database', 'Every process with a pool: all modes, and each worker.', (metrics) => {
      databaseMetrics(metrics, () => ({ total: 0, idle: 0, waiting: 0 }))
    }),
    part(
      'Workers',
      'Only with `--workers` above 1, in the process that has the internal port.',
      (metrics) => {
        crewMetrics(metrics, { wanted: 0, up: () => 0 })
      },
    ),
    part(
      'Process',
      'Every process; those without `cliscale_` on Linux, as `prom-client` gives them.',
      () => undefined,
      createMetrics(),
    ),
  ])
}

/** METRICS.md. */
export async function generatedMetrics(): Promise<Generated> {
  const parts = await documentedParts()
  const text = [
    '# Metrics',
    '',
    '`/metrics` on the internal port, in the Prometheus text format. Made by `npm run generate` from the code that registers them; do not edit. No label names a session, an owner or a project. With several workers the values of all processes are added up, but where the meaning says otherwise.',
    '',
    ...parts.flatMap(({ title, where, metrics }) => [
      `## ${title}`,
      '',
      where,
      '',
      '| Name | Type | Labels | Unit | Meaning |',
      '| --- | --- | --- | --- | --- |',
      ...metrics.map((metric) => `| ${rowOf(metric).join(' | ')} |`),
      '',
    ]),
  ].join('\n')
  return generated('METRICS.md', text)
}

function registerGateway(metrics: Metrics): void {
  gatewayMetrics(metrics, {
    stats: new GatewayStats(),
    connections: () => ({ driver: 0, observer: 0 }),
    pendingUpgrades: () => 0,
    bufferedBytes: () => 0,
    draining: () => false,
  })
  keyMetrics(metrics, { keyCount: 0, refreshFailures: 0 })
  poolWaitMetrics(metrics)
}

type Registered = Pick<Metrics, 'getMetricsAsArray' | 'clear'>

async function part(
  title: string,
  where: string,
  register: (metrics: Metrics) => void,
  metrics: Metrics = emptyRegistry(),
): Promise<DocumentedPart> {
  register(metrics)
  const described = await Promise.all(registered(metrics).map(describe))
  metrics.clear()
  return { title, where, metrics: described }
}

/** A registry without the metrics of the process. */
function emptyRegistry(): Metrics {
  const metrics = createMetrics()
  metrics.clear()
  return metrics
}

interface RegisteredMetric {
  readonly labelNames?: readonly string[]
  get(): Promise<{
    readonly name: string
    readonly type: string
    readonly help: string
    readonly aggregator?: string
  }>
}

function registered(metrics: Registered): readonly RegisteredMetric[] {
  return metrics.getMetricsAsArray() as unknown as readonly RegisteredMetric[]
}

async function describe(metric: RegisteredMetric): Promise<DocumentedMetric> {
  const { name, type, help, aggregator = 'sum' } = await metric.get()
  const labels = (metric.labelNames ?? []).map((label) => [label, valuesOf(name, label)] as const)
  return { name, type, help, aggregator, unit: unitOf(name), labels: Object.fromEntries(labels) }
}

function valuesOf(name: string, label: string): readonly string[] | null {
  const values = LABEL_VALUES[`${name} ${label}`] ?? LABEL_VALUES[label]
  if (values === undefined) throw new Error(`Say in generate-metrics.ts what values ${label} of ${name} has.`)
  return values
}

function unitOf(name: string): string {
  return /_(seconds|bytes)(_total)?$/.exec(name)?.[1] ?? '–'
}

function rowOf({ name, type, labels, unit, help, aggregator }: DocumentedMetric): readonly string[] {
  const texts = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${labelText(label, values)}`)
  const labelCell = texts.length === 0 ? '–' : texts.join('; ')
  return [`\`${name}\``, type, labelCell, unit, sentence(help) + (OVER_WORKERS[aggregator] ?? '')].map(
    (cell) => cell.replaceAll('|', '\\|'),
  )
}

function sentence(help: string): string {
  return /[.!]$/.test(help) ? help : `${help}.`
}

function labelText(label: string, values: readonly string[] | null): string {
  if (values === null) return 'as Node names them'
  if (values.length > 12) return ELSEWHERE[label] ?? values.join(', ')
  return values.map((value) => `\`${value}\``).join(', ')
}

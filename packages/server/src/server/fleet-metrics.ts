import { Counter, Gauge } from 'prom-client'
import type { FleetFigures } from '../controller/fleet-figures.ts'
import type { Metrics } from '../observability/metrics.ts'
import { registerTiming } from '../observability/timing.ts'

/** Registers what the runners of a controller tell of themselves, added up over those that live and those that ended. */
export function fleetMetrics(metrics: Metrics, fleet: FleetFigures): void {
  const registers = [metrics]
  const resumes: Counter = new Counter({
    name: 'cliscale_runner_resumes_total',
    help: 'Terminals brought up to date by runners, first attachments (fresh) included, by how.',
    labelNames: ['mode'],
    registers,
    collect() {
      resumes.reset()
      for (const [mode, count] of Object.entries(fleet.resumes)) resumes.inc({ mode }, count)
    },
  })
  registerTiming({
    name: 'cliscale_runner_resume_gap_bytes',
    help: 'Output that terminals lacked when they came back, at most 4 GiB each.',
    timings: { all: fleet.gaps },
    registers,
  })
  counter(metrics, 'replay_bytes_total', 'Bytes that runners sent again, screens included.', () => {
    return fleet.replayedBytes
  })
  counter(
    metrics,
    'pty_paused_seconds_total',
    'Time that programs were held because the driver, the screen or the recording did not follow.',
    () => fleet.pausedMs / 1_000,
  )
  gauge(metrics, 'ring_bytes', 'Last output that runners hold for resumes.', () => fleet.now.ringBytes)
  gauge(metrics, 'unacked_bytes', 'Output that drivers have not confirmed.', () => fleet.now.unackedBytes)
  const viewers: Gauge = new Gauge({
    name: 'cliscale_runner_viewers',
    help: 'Terminals attached to runners, by the role that their token gave.',
    labelNames: ['role'],
    registers,
    collect() {
      for (const [role, count] of Object.entries(fleet.now.clients)) viewers.set({ role }, count)
    },
  })
  counter(
    metrics,
    'refused_figures_total',
    'Reports of runners that were refused because no runner can have such figures.',
    () => fleet.refused,
  )
}

function gauge(metrics: Metrics, name: string, help: string, read: () => number): void {
  const all: Gauge = new Gauge({
    name: `cliscale_runner_${name}`,
    help,
    registers: [metrics],
    collect: () => all.set(read()),
  })
}

function counter(metrics: Metrics, name: string, help: string, read: () => number): void {
  const all: Counter = new Counter({
    name: `cliscale_runner_${name}`,
    help,
    registers: [metrics],
    collect() {
      all.reset()
      all.inc(read())
    },
  })
}

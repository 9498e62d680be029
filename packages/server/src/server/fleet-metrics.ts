import type { FleetFigures } from '../controller/fleet-figures.ts'
import type { Metrics } from '../observability/metrics.ts'
import { labelled, readCounter, readGauge } from '../observability/readings.ts'
import { registerHistogram } from '../observability/buckets.ts'

/** Registers what the runners of a controller tell of themselves, added up over those that live and those that ended. */
export function fleetMetrics(metrics: Metrics, fleet: FleetFigures): void {
  readCounter(metrics, {
    name: 'cliscale_runner_resumes_total',
    help: 'Terminals brought up to date by runners, first attachments (fresh) included, by how.',
    labels: ['mode'],
    read: () => labelled('mode', fleet.resumes),
  })
  registerHistogram({
    name: 'cliscale_runner_resume_gap_bytes',
    help: 'Output that terminals lacked when they came back, at most 4 GiB each.',
    buckets: { all: fleet.gaps },
    registers: [metrics],
  })
  readCounter(metrics, {
    name: 'cliscale_runner_replay_bytes_total',
    help: 'Bytes that runners sent again, screens included.',
    read: () => fleet.replayedBytes,
  })
  readCounter(metrics, {
    name: 'cliscale_runner_pty_paused_seconds_total',
    help: 'Time that programs were held because the driver, the screen or the recording did not follow.',
    read: () => fleet.pausedMs / 1_000,
  })
  readGauge(metrics, {
    name: 'cliscale_runner_ring_bytes',
    help: 'Last output that runners hold for resumes.',
    read: () => fleet.now.ringBytes,
  })
  readGauge(metrics, {
    name: 'cliscale_runner_unacked_bytes',
    help: 'Output that drivers have not confirmed.',
    read: () => fleet.now.unackedBytes,
  })
  readGauge(metrics, {
    name: 'cliscale_runner_viewers',
    help: 'Terminals attached to runners, by the role that their token gave.',
    labels: ['role'],
    read: () => labelled('role', fleet.now.clients),
  })
  readCounter(metrics, {
    name: 'cliscale_runner_refused_figures_total',
    help: 'Reports of runners that were refused because no runner can have such figures.',
    read: () => fleet.refused,
  })
}

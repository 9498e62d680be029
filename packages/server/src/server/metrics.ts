import { Counter } from 'prom-client'
import type { ControllerState } from '../controller/controller.ts'
import type { Metrics } from '../observability/metrics.ts'
import { labelled, readCounter, readGauge } from '../observability/readings.ts'
import { Buckets, registerHistogram } from '../observability/buckets.ts'
import type { PoolState } from '../store/database.ts'

const WAIT_BUCKETS = [0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5]

/** Registers the figures of a process's database pool. */
export function databaseMetrics(metrics: Metrics, pool: () => PoolState): void {
  readGauge(metrics, {
    name: 'cliscale_database_connections',
    help: 'Connections of the database pool, and callers that wait for one, by state.',
    labels: ['state'],
    read: () => {
      const { total, idle, waiting } = pool()
      return labelled('state', { busy: total - idle, idle, waiting })
    },
  })
}

/** Registers how long callers wait for a connection of the pool that a gateway uses. Returns what is to be told each wait. */
export function poolWaitMetrics(metrics: Metrics): (seconds: number) => void {
  const waits = new Buckets(WAIT_BUCKETS)
  registerHistogram({
    name: 'cliscale_gateway_db_pool_wait_seconds',
    help: 'Wait for a connection of the database pool; the controller of the same process uses the same pool.',
    buckets: { all: waits },
    registers: [metrics],
  })
  return (seconds) => waits.observe(seconds)
}

/** What is known of the keys of session tokens. */
export interface KeyReadings {
  readonly keyCount: number
  readonly refreshFailures: number
}

/** Registers the figures of a gateway's keys. */
export function keyMetrics(metrics: Metrics, readings: KeyReadings): void {
  readGauge(metrics, {
    name: 'cliscale_gateway_jwks_keys',
    help: 'Keys that session tokens may be signed with, as this gateway knows them.',
    aggregator: 'max',
    read: () => readings.keyCount,
  })
  readCounter(metrics, {
    name: 'cliscale_gateway_jwks_refresh_failures_total',
    help: 'Attempts to read the keys of session tokens that failed.',
    read: () => readings.refreshFailures,
  })
}

/** Registers the figures of a controller. */
export function controllerMetrics(metrics: Metrics, state: () => Omit<ControllerState, 'fleet'>): void {
  const gauge = (name: string, help: string, read: (state: Omit<ControllerState, 'fleet'>) => number): void =>
    readGauge(metrics, { name: `cliscale_controller_${name}`, help, read: () => read(state()) })
  gauge(
    'active_sessions',
    'Sessions that have a place on a runner or are on their way to one.',
    ({ active }) => active,
  )
  gauge('queued_sessions', 'Sessions that wait for a place.', ({ queued }) => queued)
  gauge('starting_sessions', 'Sessions on their way to a runner.', ({ starting }) => starting)
  gauge('runners', 'Runners that this controller follows, blank ones included.', ({ runners }) => runners)
  gauge(
    'waiting_recordings',
    'Recordings of ended sessions that are not in their storage yet.',
    ({ recordings }) => recordings.waiting,
  )
  readCounter(metrics, {
    name: 'cliscale_controller_recordings_total',
    help: 'Finished recordings by what became of them: stored, or failed.',
    labels: ['state'],
    read: () => {
      const { stored, failed } = state().recordings
      return labelled('state', { stored, failed })
    },
  })
}

/** How many workers a supervisor wants, and has. */
export interface CrewReadings {
  readonly wanted: number
  readonly up: () => number
}

/** Registers the figures of a supervisor. The counter is of workers that were replaced. */
export function crewMetrics(metrics: Metrics, { wanted, up }: CrewReadings): Counter {
  readGauge(metrics, {
    name: 'cliscale_server_workers',
    help: 'Worker processes: `wanted`, and those that are `up`.',
    labels: ['state'],
    read: () => labelled('state', { wanted, up: up() }),
  })
  return new Counter({
    name: 'cliscale_server_worker_restarts_total',
    help: 'Worker processes started in the place of one that ended unasked.',
    registers: [metrics],
  })
}

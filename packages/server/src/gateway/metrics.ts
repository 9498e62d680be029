import { Counter, type Registry } from 'prom-client'
import { labelled, readCounter, readGauge } from '../observability/readings.ts'
import { Buckets, registerHistogram } from '../observability/buckets.ts'
import type { GatewayStats } from './stats.ts'

/** Outcomes of an upgrade: `reason` is empty for `ok`. */
export type UpgradeResult = 'ok' | 'rejected' | 'error'

/**
 * Phases of an upgrade that are timed: the token's signature, its redemption, the connection to the runner, the runner's
 * answer to the handshake; and, in all, from the client's request to the answer to it, which does not wait for a runner.
 */
export const UPGRADE_PHASES = ['verify', 'redeem', 'dial', 'handshake', 'total'] as const

/** One of {@link UPGRADE_PHASES}. */
export type UpgradePhase = (typeof UPGRADE_PHASES)[number]

/** What is read when the metrics are scraped. */
export interface GatewayReadings {
  readonly stats: GatewayStats
  readonly connections: () => Readonly<Record<'driver' | 'observer', number>>
  readonly pendingUpgrades: () => number
  readonly bufferedBytes: () => number
  readonly draining: () => boolean
}

/** What the gateway tells the metrics as it happens. */
export interface GatewayMetrics {
  upgrade(result: UpgradeResult, reason: string): void
  phase(phase: UpgradePhase, seconds: number): void
  dial(result: string): void
  closed(side: string, code: string): void
  lasted(seconds: number): void
  roundTrip(seconds: number): void
}

/** WebSocket frame types that are counted. */
export const OPCODES: readonly (readonly [number, string])[] = [
  [0, 'continuation'],
  [1, 'text'],
  [2, 'binary'],
  [8, 'close'],
  [9, 'ping'],
  [10, 'pong'],
]

const UPGRADE_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const LIFE_BUCKETS = [1, 10, 60, 300, 900, 3_600, 14_400, 86_400]
const ROUND_TRIP_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15]

/** Registers the gateway's metrics. No label names a session or a user. */
export function gatewayMetrics(registry: Registry, readings: GatewayReadings): GatewayMetrics {
  const registers = [registry]
  registerReadings(registry, readings)
  registerTraffic(registry, readings.stats)
  const upgrades = new Counter({
    name: 'cliscale_gateway_upgrades_total',
    help: 'Answered terminal upgrades by result and, when refused, error code.',
    labelNames: ['result', 'reason'],
    registers,
  })
  const dials = new Counter({
    name: 'cliscale_gateway_dials_total',
    help: 'Attempts to reach a runner, by result.',
    labelNames: ['result'],
    registers,
  })
  const closed = new Counter({
    name: 'cliscale_gateway_closed_total',
    help: 'Closed terminals by the side that closed first and close code.',
    labelNames: ['side', 'code'],
    registers,
  })
  const buckets = registerBuckets(registers)
  return {
    upgrade: (result, reason) => upgrades.inc({ result, reason }),
    phase: (phase, seconds) => buckets.phases[phase].observe(seconds),
    dial: (result) => dials.inc({ result }),
    closed: (side, code) => closed.inc({ side, code }),
    lasted: (seconds) => buckets.lasted.observe(seconds),
    roundTrip: (seconds) => buckets.roundTrip.observe(seconds),
  }
}

interface GatewayBuckets {
  readonly phases: Readonly<Record<UpgradePhase, Buckets>>
  readonly lasted: Buckets
  readonly roundTrip: Buckets
}

function registerBuckets(registers: Registers): GatewayBuckets {
  const phases = {
    verify: new Buckets(UPGRADE_BUCKETS),
    redeem: new Buckets(UPGRADE_BUCKETS),
    dial: new Buckets(UPGRADE_BUCKETS),
    handshake: new Buckets(UPGRADE_BUCKETS),
    total: new Buckets(UPGRADE_BUCKETS),
  }
  const lasted = new Buckets(LIFE_BUCKETS)
  const roundTrip = new Buckets(ROUND_TRIP_BUCKETS)
  const histograms = [
    {
      name: 'cliscale_gateway_upgrade_duration_seconds',
      help: 'Time of the phases of a terminal upgrade; total is from the request to the answer, which does not wait for a runner.',
      label: 'phase',
      buckets: phases,
    },
    {
      name: 'cliscale_gateway_connection_duration_seconds',
      help: 'How long terminals were open.',
      buckets: { all: lasted },
    },
    {
      name: 'cliscale_gateway_ping_rtt_seconds',
      help: "Round trip of the gateway's pings.",
      buckets: { all: roundTrip },
    },
  ]
  for (const histogram of histograms) registerHistogram({ ...histogram, registers })
  return { phases, lasted, roundTrip }
}

type Registers = Registry[]

function registerReadings(registry: Registry, readings: GatewayReadings): void {
  const { stats } = readings
  readGauge(registry, {
    name: 'cliscale_gateway_pending_upgrades',
    help: 'Upgrades that are not answered yet.',
    read: readings.pendingUpgrades,
  })
  readGauge(registry, {
    name: 'cliscale_gateway_buffered_bytes',
    help: 'Bytes that wait in the sockets of terminals.',
    read: readings.bufferedBytes,
  })
  readGauge(registry, {
    name: 'cliscale_gateway_draining',
    help: '1 while the gateway is about to stop.',
    aggregator: 'max',
    read: () => Number(readings.draining()),
  })
  readGauge(registry, {
    name: 'cliscale_gateway_drain_remaining_connections',
    help: 'Terminals that a drain has still to close.',
    read: () => {
      const { driver, observer } = readings.connections()
      return readings.draining() ? driver + observer : 0
    },
  })
  readCounter(registry, {
    name: 'cliscale_gateway_heartbeat_timeouts_total',
    help: 'Terminals ended because pings were not answered.',
    read: () => stats.heartbeatTimeouts,
  })
  readCounter(registry, {
    name: 'cliscale_gateway_shed_total',
    help: 'Stalled terminals cut off to keep memory bounded.',
    read: () => stats.shed,
  })
  readGauge(registry, {
    name: 'cliscale_gateway_connections',
    help: 'Open terminals by role.',
    labels: ['role'],
    read: () => labelled('role', readings.connections()),
  })
}

function registerTraffic(registry: Registry, stats: GatewayStats): void {
  readCounter(registry, {
    name: 'cliscale_gateway_bytes_total',
    help: 'Bytes passed, by direction.',
    labels: ['direction'],
    read: () => labelled('direction', { in: stats.in.bytes, out: stats.out.bytes }),
  })
  readCounter(registry, {
    name: 'cliscale_gateway_frames_total',
    help: 'Frames seen, by direction and type.',
    labels: ['direction', 'opcode'],
    read: () =>
      (['in', 'out'] as const).flatMap((direction) =>
        OPCODES.map(
          ([opcode, name]) => [{ direction, opcode: name }, stats[direction].frames[opcode] ?? 0] as const,
        ),
      ),
  })
  readCounter(registry, {
    name: 'cliscale_gateway_frames_dropped_total',
    help: "Clients' messages not passed on.",
    labels: ['reason'],
    read: () => labelled('reason', stats.dropped),
  })
  readGauge(registry, {
    name: 'cliscale_gateway_paused_connections',
    help: 'Terminals of which a side is not read because its peer cannot take more, by the side that is not read.',
    labels: ['side'],
    read: () => labelled('side', stats.paused),
  })
  readCounter(registry, {
    name: 'cliscale_gateway_pause_seconds_total',
    help: 'Time that terminals were not read because the peer cannot take more, by the side that is not read.',
    labels: ['side'],
    read: () =>
      labelled('side', { client: stats.pauseSeconds('client'), runner: stats.pauseSeconds('runner') }),
  })
}

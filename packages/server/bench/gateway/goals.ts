import { median } from './measure.ts'
import type { Results } from './results.ts'

/** One promise of the gateway and what this run saw. */
export interface Goal {
  readonly name: string
  readonly value: number
  readonly goal: number
  readonly unit: string
  readonly pass: boolean
}

const OURS = 'cliscale'
/** Growth that is not worth a ratio when the baseline is next to nothing. */
const NOISE_US = 50

/** Judges what was measured; a goal whose peers are missing is left out, never guessed. */
export function judge(results: Results): Goal[] {
  const figure = (scenario: string, peer: string, name: string): number =>
    median(results[scenario]?.[peer]?.[name] ?? [])
  const ours = (scenario: string, name: string): number => figure(scenario, OURS, name)
  const goals = [
    atMost('process memory per idle pair', ours('idle', 'processBytes'), 5_000, 'B'),
    atMost(
      'process memory per idle pair, --optimize-for-size',
      figure('idle', `${OURS} --optimize-for-size`, 'processBytes'),
      5_000,
      'B',
    ),
    ratio('process memory per idle pair / HAProxy', ours('idle', 'processBytes'), {
      base: figure('idle', 'haproxy', 'processBytes'),
      goal: 1.1,
    }),
    ratio('CPU per MB at 64 B frames / ws to ws', ours('throughput', 'cpu64'), {
      base: figure('throughput', 'ws to ws', 'cpu64'),
      goal: 0.01,
    }),
    ratio('CPU per MB at 64 KB frames / raw net splice', ours('throughput', 'cpu65536'), {
      base: figure('throughput', 'raw net splice', 'cpu65536'),
      goal: 1.3,
    }),
    ...[100, 1_000].flatMap((count) => [
      ratio(`added echo p50 at ${count} connections / HAProxy`, ours('echo', `addedP50at${count}`), {
        base: figure('echo', 'haproxy', `addedP50at${count}`),
        goal: 1.1,
      }),
      ratio(`added echo p99 at ${count} connections / HAProxy`, ours('echo', `addedP99at${count}`), {
        base: figure('echo', 'haproxy', `addedP99at${count}`),
        goal: 1.5,
      }),
    ]),
    ratio('CPU per authenticated upgrade / lean splice without', ours('upgrades', 'cpuUs'), {
      base: figure('upgrades', 'lean splice', 'cpuUs'),
      goal: 1.3,
    }),
    atMost('memory grown by a stalled client', ours('stall', 'grownMb'), 2, 'MB'),
    ratio("neighbours' p99 beside a stalled client / before", ours('stall', 'besideP99'), {
      base: Math.max(ours('stall', 'calmP99'), NOISE_US),
      goal: 1.5,
    }),
    atMost('memory left by a connection that came and went', ours('churn', 'leftBytes'), 100, 'B'),
    atMost('descriptors left by connections that came and went', ours('churn', 'leftDescriptors'), 0, ''),
  ]
  return goals.filter(({ value }) => !Number.isNaN(value))
}

function atMost(name: string, value: number, goal: number, unit: string): Goal {
  return { name, value, goal, unit, pass: value <= goal }
}

function ratio(name: string, value: number, { base, goal }: { base: number; goal: number }): Goal {
  return atMost(name, value / base, goal, '×')
}

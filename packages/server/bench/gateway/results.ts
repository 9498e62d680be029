/** scenario → peer → figure → one value for each round. */
export type Results = Record<string, Record<string, Record<string, number[]>>>

/** What a figure is, for a person. */
export const FIGURES: Readonly<Record<string, readonly [label: string, unit: string]>> = {
  processBytes: ['process, slope', 'B per pair'],
  kernelBytes: ['kernel, slope', 'B per pair'],
  rssMb: ['resident at the end', 'MB'],
  cpu64: ['64 B frames', 'ms CPU per MB'],
  cpu1024: ['1 KB', 'ms CPU per MB'],
  cpu4096: ['4 KB', 'ms CPU per MB'],
  cpu65536: ['64 KB', 'ms CPU per MB'],
  rate64: ['64 B frames', 'MB/s'],
  rate1024: ['1 KB', 'MB/s'],
  rate4096: ['4 KB', 'MB/s'],
  rate65536: ['64 KB', 'MB/s'],
  p50at100: ['p50, 100 connections', 'µs'],
  p99at100: ['p99, 100 connections', 'µs'],
  allP99at100: ['p99 of all keys, 100 connections', 'µs'],
  addedP50at100: ['added p50, 100 connections', 'µs'],
  addedP99at100: ['added p99, 100 connections', 'µs'],
  p50at1000: ['p50, 1,000 connections', 'µs'],
  p99at1000: ['p99, 1,000 connections', 'µs'],
  allP99at1000: ['p99 of all keys, 1,000 connections', 'µs'],
  addedP50at1000: ['added p50, 1,000 connections', 'µs'],
  addedP99at1000: ['added p99, 1,000 connections', 'µs'],
  cpuUs: ['CPU', 'µs each'],
  systemUs: ['of it in the kernel', 'µs each'],
  perSecond: ['rate', 'per second'],
  grownMb: ['resident, kept', 'MB'],
  peakGrownMb: ['resident, peak', 'MB'],
  calmP99: ["neighbours' p99 before", 'µs'],
  besideP99: ["neighbours' p99 beside", 'µs'],
  leftBytes: ['left behind', 'B per connection'],
  leftDescriptors: ['descriptors left', ''],
}

/** What a scenario does, for a person. */
export const SCENARIO_NOTES: Readonly<Record<string, string>> = {
  idle: 'Memory of an idle proxied connection: the slope between two numbers of open pairs, after garbage collection. A pair is a client and a runner joined over TCP on loopback, without TLS, opened with a browser-like request of 1.2 KB. The kernel figure is half of what the whole machine grew by, because of four socket ends two are the proxy’s.',
  throughput:
    'One connection flooded by its runner: processor time of the proxy for each megabyte of payload, by frame size.',
  echo: 'A key struck on every connection ten times a second on a fixed schedule (open loop), and the time until its echo is there. `direct` is the same without a proxy. All peers stand at once and type in turn, a second each, pass after pass, because the machine’s own load changes within a minute: what a peer adds is its second’s p50 or p99 less that of `direct` in the same pass, and figures are medians over the passes. A rare pause falls into few passes and so not into a median; `p99 of all keys` has every key of every pass.',
  upgrades:
    'Connections opened, used for one key and its echo, and closed, 32 at a time, by all peers in turn like the echo, after three times as many that warm up. `cliscale` checks a signed one-time token, redeems it in PostgreSQL and logs; the others check nothing.',
  stall: 'One client asks for 2 GB and reads nothing of it, while a hundred others type.',
  churn: 'What connections that came and went leave behind.',
}

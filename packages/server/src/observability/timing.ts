import type { Metric, MetricValueWithName, Registry } from 'prom-client'

/** Observations in buckets, such as durations in seconds. Observing costs a few comparisons; a labelled histogram costs microseconds. */
export class Timing {
  readonly bounds: readonly number[]
  /** Observations by bucket; the last one is for those above every bound. */
  readonly counts: number[]
  sum = 0
  count = 0

  /** `bounds`: upper bounds of the buckets, ascending. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  /** Counts what was counted elsewhere: observations by bucket, and their sum. */
  add(counts: readonly number[], sum: number): void {
    for (const [bucket, more] of counts.entries()) {
      this.counts[bucket] = (this.counts[bucket] ?? 0) + more
      this.count += more
    }
    this.sum += sum
  }

  /** Counts one. */
  observe(seconds: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && seconds > (this.bounds[bucket] as number)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += seconds
    this.count += 1
  }
}

/** Name, help and timings of a histogram: one timing without labels, or one for each value of one label. */
export interface TimingHistogramOptions {
  readonly name: string
  readonly help: string
  readonly label?: string
  readonly timings: Readonly<Record<string, Timing>>
  readonly registers: Registry[]
}

/** Registers a histogram whose buckets are kept in {@link Timing}s and read when it is scraped. */
export function registerTiming(options: TimingHistogramOptions): void {
  const metric = new TimingHistogram(options)
  // Of a metric a registry asks for no more than its name and `get`.
  for (const registry of options.registers) registry.registerMetric(metric as unknown as Metric)
}

class TimingHistogram {
  readonly name: string
  readonly labelNames: readonly string[]
  private readonly options: TimingHistogramOptions

  constructor(options: TimingHistogramOptions) {
    this.name = options.name
    this.labelNames = options.label === undefined ? [] : [options.label]
    this.options = options
  }

  /** What the registry prints. */
  async get(): Promise<object> {
    const { name, help, timings } = this.options
    const values = Object.entries(timings).flatMap(([value, timing]) => this.values(value, timing))
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }

  private values(value: string, timing: Timing): MetricValueWithName<string>[] {
    const { name, label } = this.options
    const labels: Record<string, string> = label === undefined ? {} : { [label]: value }
    let below = 0
    const buckets = timing.counts.map((count, i) => {
      below += count
      const le = timing.bounds[i] ?? '+Inf'
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: timing.sum },
      { metricName: `${name}_count`, labels, value: timing.count },
    ]
  }
}

import type { Metric, MetricValueWithName, Registry } from 'prom-client'

/** Observations in buckets, such as durations in seconds or sizes in bytes. Observing costs a few comparisons; a labelled histogram costs microseconds. */
export class Buckets {
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
  observe(value: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += value
    this.count += 1
  }
}

/** Name, help and observations of a histogram: one without labels, or one for each value of one label. */
export interface HistogramOptions {
  readonly name: string
  readonly help: string
  readonly label?: string
  readonly buckets: Readonly<Record<string, Buckets>>
  readonly registers: Registry[]
}

/** Registers a histogram whose observations are kept in {@link Buckets} and read when it is scraped. */
export function registerHistogram(options: HistogramOptions): void {
  const metric = new BucketHistogram(options)
  // Of a metric a registry asks for no more than its name and `get`.
  for (const registry of options.registers) registry.registerMetric(metric as unknown as Metric)
}

class BucketHistogram {
  readonly name: string
  readonly labelNames: readonly string[]
  private readonly options: HistogramOptions

  constructor(options: HistogramOptions) {
    this.name = options.name
    this.labelNames = options.label === undefined ? [] : [options.label]
    this.options = options
  }

  /** What the registry prints. */
  async get(): Promise<object> {
    const { name, help, buckets } = this.options
    const values = Object.entries(buckets).flatMap(([value, observed]) => this.values(value, observed))
    return { name, help, type: 'histogram', aggregator: 'sum', values }
  }

  private values(value: string, observed: Buckets): MetricValueWithName<string>[] {
    const { name, label } = this.options
    const labels: Record<string, string> = label === undefined ? {} : { [label]: value }
    let below = 0
    const buckets = observed.counts.map((count, i) => {
      below += count
      const le = observed.bounds[i] ?? '+Inf'
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below }
    })
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: observed.sum },
      { metricName: `${name}_count`, labels, value: observed.count },
    ]
  }
}

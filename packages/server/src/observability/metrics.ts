import { AggregatorRegistry, collectDefaultMetrics, type MetricObjectWithValues, Registry } from 'prom-client'
import { droppedLines } from './log.ts'
import { labelled, readCounter } from './readings.ts'

/**
 * Where every part registers its metrics: `new Counter({ name, help, registers: [metrics] })`. Names are
 * `cliscale_<part>_<noun>_<unit>`, base units, and no label names a session, a user or a project.
 */
export type Metrics = Registry

/** What `/metrics` prints. */
export type MetricsText = Pick<Metrics, 'contentType' | 'metrics'>

type MetricSnapshot = MetricObjectWithValues<never>

/** All metrics of one process at one moment, as they travel between processes. */
export type MetricsSnapshot = readonly MetricSnapshot[]

/** A registry with the metrics of the process itself (memory, processor, event loop, descriptors, its log). */
export function createMetrics(): Metrics {
  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics })
  readCounter(metrics, {
    name: 'cliscale_log_dropped_lines_total',
    help: 'Lines of the log that were dropped: their write `failed`, or the reader was too far `behind`.',
    labels: ['reason'],
    read: () => labelled('reason', droppedLines()),
  })
  return metrics
}

/** The metrics of a registry now. */
export async function snapshot(metrics: Metrics): Promise<MetricsSnapshot> {
  return (await metrics.getMetricsAsJSON()) as unknown as MetricsSnapshot
}

/** One registry's worth of the metrics of several processes, each added up as its `aggregator` says. */
export function addUp(snapshots: readonly MetricsSnapshot[]): Metrics {
  return AggregatorRegistry.aggregate(snapshots as unknown as object[])
}

/**
 * What a process leaves behind that ended: its counters and histograms. Without them a sum would fall, which a reader
 * takes for a restart of everything.
 */
export function remainsOf(metrics: MetricsSnapshot): MetricsSnapshot {
  return metrics.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
}

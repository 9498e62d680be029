import { collectDefaultMetrics, Registry } from 'prom-client'

/**
 * Where every part registers its metrics: `new Counter({ name, help, registers: [metrics] })`. Names are
 * `cliscale_<part>_<noun>_<unit>`, base units, and no label names a session, a user or a project.
 */
export type Metrics = Registry

/** A registry with the metrics of the process itself (memory, processor, event loop, descriptors). */
export function createMetrics(): Metrics {
  const metrics = new Registry()
  collectDefaultMetrics({ register: metrics })
  return metrics
}

import { Counter, Gauge, type MetricConfiguration, type Registry } from 'prom-client'

/** A value, with what the labels of its metric say of it. */
export type Labelled = readonly [labels: Readonly<Record<string, string>>, value: number]

/** A metric whose value is kept elsewhere and read when it is scraped, so that counting costs an addition. */
export interface Reading {
  /** Whole name. */
  readonly name: string
  readonly help: string
  /** Default: none. */
  readonly labels?: readonly string[]
  /** How the values of several processes become one. Default `sum`. */
  readonly aggregator?: 'sum' | 'max'
  /** The value now; with labels one for each combination that there is. */
  readonly read: () => number | readonly Labelled[]
}

/** Registers a value that rises and falls. */
export function readGauge(registry: Registry, reading: Reading): void {
  const gauge: Gauge = new Gauge({
    ...configurationOf(registry, reading),
    collect() {
      for (const [labels, value] of valuesOf(reading)) gauge.set(labels, value)
    },
  })
}

/** Registers a value that only rises while the process lives. */
export function readCounter(registry: Registry, reading: Reading): void {
  const counter: Counter = new Counter({
    ...configurationOf(registry, reading),
    collect() {
      counter.reset()
      for (const [labels, value] of valuesOf(reading)) counter.inc(labels, value)
    },
  })
}

/** The values of a metric with one label. */
export function labelled(label: string, values: Readonly<Record<string, number>>): readonly Labelled[] {
  return Object.entries(values).map(([of, value]) => [{ [label]: of }, value])
}

function configurationOf(registry: Registry, reading: Reading): MetricConfiguration<string> {
  const { name, help, labels = [], aggregator = 'sum' } = reading
  return { name, help, labelNames: [...labels], aggregator, registers: [registry] }
}

function valuesOf({ read }: Reading): readonly Labelled[] {
  const values = read()
  return typeof values === 'number' ? [[{}, values]] : values
}

import assert from 'node:assert/strict'

/** One line of a scrape. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** All samples of one metric. */
export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/
/** Values are what Go's ParseFloat takes, which does not tell Nan from NaN. */
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (nan|[+-]?inf|[-+0-9.e]+)$/i
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(?:,|$)/gy

/** Reads the Prometheus text format, version 0.0.4, and fails on whatever is not of it. */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line must end')
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>()
  const series = new Set<string>()
  let help: readonly string[] = []
  let current = ''
  for (const line of text.split('\n').filter((part) => part !== '')) {
    if (line.startsWith('# HELP ')) {
      help = HELP.exec(line)?.slice(1) ?? assert.fail(`no help: ${line}`)
      continue
    }
    if (line.startsWith('# TYPE ')) {
      const [, name = '', type = ''] = TYPE.exec(line) ?? assert.fail(`no type: ${line}`)
      assert.equal(name, help[0], 'help and type belong together')
      assert.ok(!families.has(name), `${name} comes twice`)
      families.set(name, { type, help: help[1] ?? '', samples: [] })
      current = name
      continue
    }
    const sample = sampleOf(line)
    const family = families.get(current)
    assert.ok(family && belongs(sample.name, current, family.type), `${line} stands below ${current}`)
    const key = line.slice(0, line.lastIndexOf(' '))
    assert.ok(!series.has(key), `${key} comes twice`)
    series.add(key)
    family.samples.push(sample)
  }
  for (const [name, family] of families) checkFamily(name, family)
  return families
}

/** The sum of a metric's samples that have these labels; of a histogram the number of its observations. */
export function sumOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const family = families.get(name) ?? assert.fail(`${name} is not there`)
  const wanted = family.type === 'histogram' ? `${name}_count` : name
  return family.samples
    .filter((sample) => sample.name === wanted)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}

function sampleOf(line: string): Sample {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? assert.fail(`no sample: ${line}`)
  const found = [...labels.matchAll(LABEL)]
  assert.equal(found.map(([whole]) => whole).join(''), labels, `labels of ${line}`)
  const number = /inf$/i.test(value) ? Infinity * (value.startsWith('-') ? -1 : 1) : Number(value)
  const pairs = found.map(([, label = '', text = '']) => [label, text] as const)
  return { name, labels: Object.fromEntries(pairs), value: number }
}

function belongs(sample: string, family: string, type: string): boolean {
  if (type !== 'histogram') return sample === family
  return ['_bucket', '_sum', '_count'].some((suffix) => sample === family + suffix)
}

function checkFamily(name: string, { type, samples }: Family): void {
  if (type === 'counter') for (const { value } of samples) assert.ok(value >= 0, `${name} is ${value}`)
  if (type !== 'histogram') return
  const own = ({ labels }: Sample): string =>
    JSON.stringify(Object.entries(labels).filter(([label]) => label !== 'le'))
  const groups = Map.groupBy(samples, own)
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`)
    const values = buckets.map(({ value }) => value)
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
      `buckets of ${name} grow`,
    )
    assert.equal(buckets.at(-1)?.labels.le, '+Inf')
    assert.equal(values.at(-1), group.find((sample) => sample.name === `${name}_count`)?.value)
  }
}

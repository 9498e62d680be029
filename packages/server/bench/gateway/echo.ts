import { median, quantile } from './measure.ts'
import type { Figures } from './scenarios.ts'
import { inTurn, type JointScenario } from './stand.ts'

/** Microseconds of one peer, by pass. */
interface Slices {
  readonly p50: number[]
  readonly p99: number[]
  readonly all: number[]
}

const DIRECT = 'direct'
/** V8 compiles during the first thousands of keys; a gateway that runs for days has had them. */
const WARM_UP_KEYS = 16_000
const SLICE = { type: 'echo', perSecond: 10, seconds: 1, skip: 0 } as const

/**
 * Open-loop echo at 10 keys a second on each connection, in microseconds. What a peer adds to `direct` is taken within
 * a pass; figures are medians over the passes.
 */
export const echo: JointScenario = async (stands, { echoSeconds }) => {
  const figures: Record<string, Figures> = Object.fromEntries(stands.map(({ name }) => [name, {}]))
  for (const [count, more] of [
    [100, 100],
    [1_000, 900],
  ] as const) {
    for (const { peer, load } of stands) {
      await load.open(peer, more)
      await load.ask({ type: 'echo', perSecond: WARM_UP_KEYS / count / 4, seconds: 4, skip: 0 })
    }
    const slices = new Map<string, Slices>(stands.map(({ name }) => [name, { p50: [], p99: [], all: [] }]))
    await inTurn(stands, echoSeconds, async ({ name, load }) => {
      const latencies = await load.ask<number[]>(SLICE)
      const mine = slices.get(name)
      mine?.p50.push(quantile(latencies, 0.5))
      mine?.p99.push(quantile(latencies, 0.99))
      mine?.all.push(...latencies)
    })
    for (const [name, mine] of slices)
      Object.assign(figures[name] ?? {}, summary(mine, slices.get(DIRECT), count))
  }
  return figures
}

function summary(mine: Slices, direct: Slices | undefined, count: number): Figures {
  const figures: Figures = {
    [`p50at${count}`]: median(mine.p50),
    [`p99at${count}`]: median(mine.p99),
    [`allP99at${count}`]: quantile(mine.all, 0.99),
  }
  if (direct === undefined) return figures
  const added = (values: readonly number[], base: readonly number[]): number =>
    median(values.map((value, pass) => value - (base[pass] ?? Number.NaN)))
  return {
    ...figures,
    [`addedP50at${count}`]: added(mine.p50, direct.p50),
    [`addedP99at${count}`]: added(mine.p99, direct.p99),
  }
}

import { cpuMs, median, systemMs } from './measure.ts'
import type { Figures } from './scenarios.ts'
import { inTurn, type JointScenario, type Stand } from './stand.ts'

const PASSES = 8

/**
 * V8 needs thousands of upgrades until it has compiled the path, and compiles beside it for ten thousand more; a
 * gateway that runs for days has had them.
 */
const WARM_UPS = 3

interface Slices {
  readonly cpuUs: number[]
  readonly systemUs: number[]
  readonly perSecond: number[]
}

/** Whole connections, 32 at a time: open, one key and its echo, close. Figures are medians over the passes. */
export const upgrades: JointScenario = async (stands, { upgrades: count }) => {
  const slices = new Map<string, Slices>(
    stands.map(({ name }) => [name, { cpuUs: [], systemUs: [], perSecond: [] }]),
  )
  for (const stand of stands) for (let i = 0; i < WARM_UPS; i += 1) await cycle(stand, count)
  const each = Math.ceil(count / PASSES)
  await inTurn(stands, PASSES, async (stand) => {
    const { pids } = stand.peer
    const before = cpuMs(pids)
    const system = systemMs(pids)
    const seconds = await cycle(stand, each)
    const mine = slices.get(stand.name)
    mine?.cpuUs.push(((cpuMs(pids) - before) * 1_000) / each)
    mine?.systemUs.push(((systemMs(pids) - system) * 1_000) / each)
    mine?.perSecond.push(each / seconds)
  })
  return Object.fromEntries(Array.from(slices, ([name, mine]) => [name, medians(mine)]))
}

/** Resolves with the seconds it took. */
async function cycle({ peer, load }: Stand, count: number): Promise<number> {
  const { port, path } = peer
  const tokens = await peer.tokens(count)
  return load.ask<number>({ type: 'cycle', port, path, count, tokens, parallel: 32 })
}

function medians({ cpuUs, systemUs, perSecond }: Slices): Figures {
  return { cpuUs: median(cpuUs), systemUs: median(systemUs), perSecond: median(perSecond) }
}

import { type ChildProcess } from 'node:child_process'
import type { LoadCommand } from './load.ts'
import { cpuMs, descriptors, kernelBytes, pause, quantile, rssBytes } from './measure.ts'
import type { Peer } from './peers.ts'
import { end, forkNode } from './processes.ts'

/** Figures of one run, by name. */
export type Figures = Record<string, number>

/** What one scenario does with a fresh peer. */
export type Scenario = (peer: Peer, load: Load, scale: Scale) => Promise<Figures>

/** How long and how much. */
export interface Scale {
  readonly idlePairs: readonly [number, number]
  /** Passes over all peers, of a second each. */
  readonly echoSeconds: number
  readonly stallSeconds: number
  readonly upgrades: number
  readonly pullSeconds: number
}

type Distributed<T> = T extends { id: number } ? Omit<T, 'id'> : never

/** The process of the clients. */
export class Load {
  readonly child: ChildProcess = forkNode('load.ts', [])
  private readonly waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >()
  private last = 0

  constructor() {
    this.child.on('message', (message: { id?: number; result?: unknown; error?: string }) => {
      const waiting = this.waiting.get(message.id ?? -1)
      if (message.error === undefined) waiting?.resolve(message.result)
      else waiting?.reject(new Error(message.error))
    })
    this.child.on('exit', (code) => {
      for (const { reject } of this.waiting.values())
        reject(new Error(`the load generator ended with ${code}`))
    })
  }

  ask<T>(command: Distributed<LoadCommand>): Promise<T> {
    this.last += 1
    const id = this.last
    this.child.send({ ...command, id })
    return new Promise<T>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
    })
  }

  async open(peer: Peer, count: number): Promise<void> {
    const { port, path } = peer
    await this.ask({ type: 'open', port, path, count, tokens: await peer.tokens(count), parallel: 32 })
  }

  close(): Promise<void> {
    return end(this.child)
  }
}

/** Slope of memory between two numbers of idle pairs. Of four socket ends on the machine two are the peer's. */
export const idle: Scenario = async (peer, load, { idlePairs: [few, many] }) => {
  await load.open(peer, few)
  const before = await settled(peer)
  await load.open(peer, many - few)
  const after = await settled(peer)
  const pairs = many - few
  return {
    processBytes: (after.rss - before.rss) / pairs,
    kernelBytes: (after.kernel - before.kernel) / pairs / 2,
    rssMb: after.rss / 1e6,
  }
}

async function settled(peer: Peer): Promise<{ rss: number; kernel: number }> {
  await pause(1_500)
  await peer.collect()
  await pause(500)
  return { rss: rssBytes(peer.pids), kernel: kernelBytes() }
}

/** Processor time per megabyte of output by frame size, one connection flooded. */
export const throughput: Scenario = async (peer, load, { pullSeconds }) => {
  await load.open(peer, 1)
  const figures: Figures = {}
  for (const size of [64, 1_024, 4_096, 65_536]) {
    await load.ask({ type: 'pull', size, bytes: 2_000_000 })
    const startedAt = performance.now()
    const before = cpuMs(peer.pids)
    let megabytes = 0
    for (
      let bytes = 4_000_000;
      performance.now() - startedAt < pullSeconds * 1_000;
      bytes = Math.min(bytes * 2, 128_000_000)
    ) {
      megabytes += (await load.ask<number>({ type: 'pull', size, bytes })) / 1e6
    }
    figures[`cpu${size}`] = (cpuMs(peer.pids) - before) / megabytes
    figures[`rate${size}`] = megabytes / ((performance.now() - startedAt) / 1_000)
  }
  return figures
}

/** One client that reads nothing behind a flood, and a hundred that type meanwhile. */
export const stall: Scenario = async (peer, load, { stallSeconds }) => {
  await load.open(peer, 101)
  await load.ask({ type: 'echo', perSecond: 10, seconds: 1, skip: 1 })
  const calm = await load.ask<number[]>({
    type: 'echo',
    perSecond: 10,
    seconds: Math.min(stallSeconds, 10),
    skip: 1,
  })
  await peer.collect()
  const before = rssBytes(peer.pids)
  let peak = before
  const timer = setInterval(() => {
    peak = Math.max(peak, rssBytes(peer.pids))
  }, 100)
  await load.ask({ type: 'stall', size: 4_096, bytes: 2_000_000_000 })
  const beside = await load.ask<number[]>({ type: 'echo', perSecond: 10, seconds: stallSeconds, skip: 1 })
  clearInterval(timer)
  await peer.collect()
  return {
    grownMb: (rssBytes(peer.pids) - before) / 1e6,
    peakGrownMb: (peak - before) / 1e6,
    calmP99: quantile(calm, 0.99),
    besideP99: quantile(beside, 0.99),
  }
}

/** Memory and descriptors that connections leave behind. */
export const churn: Scenario = async (peer, load, { upgrades: count }) => {
  const { port, path } = peer
  const cycle = async (): Promise<void> => {
    const tokens = await peer.tokens(count)
    await load.ask({ type: 'cycle', port, path, count, tokens, parallel: 32 })
  }
  await cycle()
  await pause(3_000)
  await peer.collect()
  const before = { rss: rssBytes(peer.pids), fds: descriptors(peer.pids) }
  await cycle()
  await pause(3_000)
  await peer.collect()
  return {
    leftBytes: (rssBytes(peer.pids) - before.rss) / count,
    leftDescriptors: descriptors(peer.pids) - before.fds,
  }
}

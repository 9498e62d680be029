import type { ChildProcess } from 'node:child_process'
import type { Peer, PeerContext, PeerKind } from './peers.ts'
import { end, forkNode, portOf } from './processes.ts'
import { type Figures, Load, type Scale } from './scenarios.ts'

/** One peer that is running, with clients and a runner's end of its own. */
export interface Stand {
  readonly name: string
  readonly peer: Peer
  readonly load: Load
  close(): Promise<void>
}

/**
 * What a scenario does with all peers at once; figures by peer. The peers are measured in turn, in short slices, pass
 * after pass: the machine's own load changes within a minute, and peers that are measured one after the other, each in
 * one block, are compared under different ones.
 */
export type JointScenario = (stands: readonly Stand[], scale: Scale) => Promise<Record<string, Figures>>

/** Starts a peer on fresh processes: nothing of an earlier run is left in anybody's memory. */
export async function openStand(kind: PeerKind, context: Omit<PeerContext, 'backend'>): Promise<Stand> {
  const backend = forkNode('backend.ts', [])
  const load = new Load()
  try {
    const peer = await kind.start({ ...context, backend: await portOf(backend) })
    const close = async (): Promise<void> => {
      await peer.stop()
      await closeEnds(load, backend)
    }
    return { name: kind.name, peer, load, close }
  } catch (error) {
    await closeEnds(load, backend)
    throw error
  }
}

async function closeEnds(load: Load, backend: ChildProcess): Promise<void> {
  await load.close()
  await end(backend)
}

/** Lets the stands have their turns, so many passes, beginning with another one in each. */
export async function inTurn(
  stands: readonly Stand[],
  passes: number,
  slice: (stand: Stand) => Promise<void>,
): Promise<void> {
  for (let pass = 0; pass < passes; pass += 1) {
    const first = pass % stands.length
    for (const stand of [...stands.slice(first), ...stands.slice(0, first)]) await slice(stand)
  }
}

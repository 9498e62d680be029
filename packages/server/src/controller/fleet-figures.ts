import { RESUME_GAP_BYTES, RUNNER_RESUMES, type RunnerFigures } from '@cliscale/sdk/protocol'
import { Buckets } from '../observability/buckets.ts'

/** A report may tell of a little more time than went by since the one before. */
const SLACK_MS = 5_000

/** More than this no runner does in a second. */
const PER_SECOND = { resumes: 100, replayedBytes: 1_073_741_824 } as const

interface Seen {
  readonly figures: RunnerFigures
  /** Milliseconds of the process's clock. */
  readonly at: number
}

/** What runners measure now, all together. */
export type FleetNow = Pick<RunnerFigures, 'ringBytes' | 'unackedBytes' | 'clients'>

/**
 * The figures of all runners that a controller follows, added up. Counters go on from what is new in each report, so
 * that they stay when a runner ends, and what an earlier life of the server counted is not counted again. Runners may be
 * run by whoever owns their command: a report in which a counter falls, or grows faster than a runner can, is refused.
 */
export class FleetFigures {
  readonly resumes: Record<keyof RunnerFigures['resumes'], number> = {
    fresh: 0,
    delta: 0,
    snapshot: 0,
    failed: 0,
  }
  readonly gaps: Buckets = new Buckets(RESUME_GAP_BYTES)
  replayedBytes = 0
  pausedMs = 0
  /** Reports that were refused. */
  refused = 0
  readonly #seen = new Map<string, Seen>()

  /** Takes a report. The first of a runner is what the others are compared with. */
  take(runnerId: string, figures: RunnerFigures): void {
    const at = performance.now()
    const before = this.#seen.get(runnerId)
    if (before !== undefined && !isPlausible(before, figures, at - before.at)) {
      this.refused += 1
      return
    }
    this.#seen.set(runnerId, { figures, at })
    if (before !== undefined) this.#add(before.figures, figures)
  }

  /** A runner is over, or followed no more. */
  forget(runnerId: string): void {
    this.#seen.delete(runnerId)
  }

  /** The sum over the runners that are followed. */
  get now(): FleetNow {
    let ringBytes = 0
    let unackedBytes = 0
    const clients = { driver: 0, observer: 0 }
    for (const { figures } of this.#seen.values()) {
      ringBytes += figures.ringBytes
      unackedBytes += figures.unackedBytes
      clients.driver += figures.clients.driver
      clients.observer += figures.clients.observer
    }
    return { ringBytes, unackedBytes, clients }
  }

  #add(before: RunnerFigures, after: RunnerFigures): void {
    for (const mode of RUNNER_RESUMES) this.resumes[mode] += after.resumes[mode] - before.resumes[mode]
    this.gaps.add(
      after.gaps.map((gap, bucket) => gap - (before.gaps[bucket] ?? 0)),
      after.gapBytes - before.gapBytes,
    )
    this.replayedBytes += after.replayedBytes - before.replayedBytes
    this.pausedMs += after.pausedMs - before.pausedMs
  }
}

function isPlausible({ figures }: Seen, after: RunnerFigures, elapsedMs: number): boolean {
  const ms = elapsedMs + SLACK_MS
  const grows = (from: number, to: number, most = Infinity): boolean => to >= from && to - from <= most
  return (
    RUNNER_RESUMES.every((mode) =>
      grows(figures.resumes[mode], after.resumes[mode], (PER_SECOND.resumes * ms) / 1_000),
    ) &&
    after.gaps.every((gap, bucket) => grows(figures.gaps[bucket] ?? 0, gap)) &&
    grows(figures.gapBytes, after.gapBytes) &&
    grows(figures.replayedBytes, after.replayedBytes, (PER_SECOND.replayedBytes * ms) / 1_000) &&
    grows(figures.pausedMs, after.pausedMs, ms)
  )
}

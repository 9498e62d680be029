import { MAX_RESUME_GAP_BYTES, RESUME_GAP_BYTES, type RunnerFigures } from '@cliscale/sdk/protocol'

import type { ResumePlan } from './resume.ts'

type Mode = keyof RunnerFigures['resumes']

/** What the server of a terminal's clients counts. */
export class ResumeFigures {
  readonly resumes: Record<Mode, number> = { fresh: 0, delta: 0, snapshot: 0, failed: 0 }
  readonly gaps: number[] = Array.from({ length: RESUME_GAP_BYTES.length + 1 }, () => 0)
  gapBytes = 0
  replayedBytes = 0

  /** A client was brought up to date. `head`: how much output there was then. */
  resumed(plan: ResumePlan, head: number): void {
    this.resumes[plan.mode] += 1
    const from =
      plan.mode === 'delta' ? plan.offset : plan.mode === 'snapshot' ? plan.truncatedFrom : undefined
    if (from === undefined) return
    const gap = Math.min(head - from, MAX_RESUME_GAP_BYTES)
    const bucket = RESUME_GAP_BYTES.findIndex((bound) => gap <= bound)
    const at = bucket === -1 ? RESUME_GAP_BYTES.length : bucket
    this.gaps[at] = (this.gaps[at] ?? 0) + 1
    this.gapBytes += gap
  }
}

/** The time that something was so, in all. */
export class Stopwatch {
  #ms = 0
  #since: number | undefined

  /** Whether it is so from now on. */
  set running(running: boolean) {
    if (running === (this.#since !== undefined)) return
    this.#ms = this.ms
    this.#since = running ? performance.now() : undefined
  }

  get running(): boolean {
    return this.#since !== undefined
  }

  /** Milliseconds so far. */
  get ms(): number {
    return this.#since === undefined ? this.#ms : this.#ms + performance.now() - this.#since
  }
}

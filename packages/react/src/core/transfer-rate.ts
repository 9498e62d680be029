import type { PhaseProgress } from '@cliscale/sdk/protocol'

const WINDOW_MS = 5_000
const SMALLEST_SPAN_MS = 400

/** How fast a counted phase goes. */
export interface TransferEstimate {
  /** Units per second; `null` until enough was seen. */
  readonly perSecond: number | null
  /** Seconds until the total is reached; `null` while unknown. */
  readonly secondsLeft: number | null
}

/** Rate over the last five seconds of reports. */
export class TransferRate {
  #samples: { readonly at: number; readonly done: number }[] = []

  /** Adds a report seen at `now`, in milliseconds of any steady clock. A count that falls starts over. */
  add(progress: PhaseProgress, now: number): TransferEstimate {
    const last = this.#samples.at(-1)
    if (last !== undefined && progress.done < last.done) this.#samples = []
    this.#samples.push({ at: now, done: progress.done })
    while (this.#samples.length > 2 && now - (this.#samples[0]?.at ?? now) > WINDOW_MS) this.#samples.shift()
    return this.#estimate(progress)
  }

  #estimate({ done, total }: PhaseProgress): TransferEstimate {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.at - first.at < SMALLEST_SPAN_MS) {
      return { perSecond: null, secondsLeft: null }
    }
    const perSecond = ((last.done - first.done) * 1000) / (last.at - first.at)
    const secondsLeft = total === null || perSecond <= 0 ? null : Math.max(0, (total - done) / perSecond)
    return { perSecond, secondsLeft }
  }
}

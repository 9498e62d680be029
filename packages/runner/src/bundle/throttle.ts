/** A progress as it is told: `total` is null where it is not known. */
export type Progress = (done: number, total: number | null) => void

/** A {@link Progress} that tells less often, and can be told that no more comes. */
export interface ThrottledProgress {
  readonly progress: Progress
  /** What was not told yet never will be. */
  readonly end: () => void
}

/**
 * Passes on the first progress, the one that is complete, and in between one every `everyMs` milliseconds: the latest
 * one, also when nothing comes after it, so that what is shown of a download that stalls is where it stalled.
 */
export function throttled(report: Progress, everyMs: number): ThrottledProgress {
  let last = Number.NEGATIVE_INFINITY
  let late: NodeJS.Timeout | undefined
  const tell: Progress = (done, total) => {
    clearTimeout(late)
    late = undefined
    last = performance.now()
    report(done, total)
  }
  let latest: readonly [done: number, total: number | null] = [0, null]
  return {
    progress: (done, total) => {
      latest = [done, total]
      const left = last + everyMs - performance.now()
      if (left <= 0 || done === total) tell(done, total)
      else late ??= setTimeout(() => tell(...latest), left).unref()
    },
    end: () => clearTimeout(late),
  }
}

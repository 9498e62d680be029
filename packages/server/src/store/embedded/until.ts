/** How long to wait. */
export interface UntilOptions {
  readonly timeoutMs: number
  /** Ends the wait early. */
  readonly signal?: AbortSignal
}

/** How often a condition is looked at. */
const EVERY_MS = 20

/** Looks at a condition until it holds (true), or the time is over or the wait was aborted (false). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs, signal }: UntilOptions,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    const left = deadline - performance.now()
    if (left <= 0 || signal?.aborted) return false
    await new Promise((resolve) => setTimeout(resolve, Math.min(EVERY_MS, left)))
  }
  return true
}

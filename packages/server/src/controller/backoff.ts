/** Bounds of a {@link fullJitter} pause. */
export interface Backoff {
  /** Upper bound of the first pause, in milliseconds. */
  readonly baseMs: number
  /** Upper bound of every pause, in milliseconds. */
  readonly capMs: number
}

/**
 * Pause before try `attempt` (0 is the first repeat): uniform between 0 and a bound that doubles up to a cap, so that
 * those who failed together do not come back together ("full jitter", Brooker, AWS Architecture Blog, 2015).
 */
export function fullJitter(
  attempt: number,
  { baseMs, capMs }: Backoff,
  random: () => number = Math.random,
): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}

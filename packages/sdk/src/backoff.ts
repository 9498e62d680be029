/** Bounds of an exponential back-off, in milliseconds. */
export interface Backoff {
  /** Longest first delay. */
  readonly baseMs: number
  /** Longest delay at all. */
  readonly capMs: number
}

/**
 * Full jitter: a random delay between 0 and `min(cap, base × 2^attempt)`, so that clients that failed together do not
 * come back together (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). `attempt` counts from 0.
 */
export function fullJitter(attempt: number, backoff: Backoff): number {
  return Math.random() * longest(attempt, backoff)
}

/**
 * Equal jitter (the same source): between half of `min(cap, base × 2^attempt)` and all of it. For what was just seen to
 * fail, and will hardly do better at once.
 */
export function equalJitter(attempt: number, backoff: Backoff): number {
  return (0.5 + Math.random() / 2) * longest(attempt, backoff)
}

function longest(attempt: number, { baseMs, capMs }: Backoff): number {
  return Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}

import { setTimeout as pause } from 'node:timers/promises'
import { CodedError } from '../http/coded-error.ts'
import { fullJitter } from './backoff.ts'

const AGAIN = { baseMs: 50, capMs: 2_000 }

/** Repeats `work`, which must be safe to repeat, while the database is away: for at most `withinMs` and until aborted. */
export async function patiently<T>(
  work: () => Promise<T>,
  { withinMs, signal }: { readonly withinMs: number; readonly signal: AbortSignal },
): Promise<T> {
  const deadline = performance.now() + withinMs
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      const away = error instanceof CodedError && error.code === 'DATABASE_UNAVAILABLE'
      if (!away || performance.now() > deadline || signal.aborted) throw error
      await pause(fullJitter(attempt, AGAIN), undefined, { signal }).catch(() => undefined)
    }
  }
}

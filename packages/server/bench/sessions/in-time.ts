const DEADLINE_MS = 60_000

/**
 * Waits for `work`, but not for ever. Everything that is waited for here takes less than ten seconds on a quiet machine.
 *
 * @throws Error that says what did not come, after a minute or `deadlineMs`
 */
export async function inTime<T>(
  what: string,
  work: Promise<T>,
  deadlineMs: number = DEADLINE_MS,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = setTimeout(() => reject(new Error(`No ${what} after ${deadlineMs / 1_000} s.`)), deadlineMs)
  try {
    return await Promise.race([work, promise])
  } finally {
    clearTimeout(late)
  }
}

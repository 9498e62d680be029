import type { DesiredRunner, ObservedState, Policy } from './desired.ts'

/** What is true of a runner when row and driver are taken together. */
export type RunnerFate =
  /** Not up yet, and may still be. */
  | { readonly kind: 'coming' }
  /** It listens. */
  | { readonly kind: 'up' }
  /** Not up in time, though it may exist. */
  | { readonly kind: 'late' }
  /** It does not exist any more. */
  | { readonly kind: 'gone'; readonly detail: string }

/** Judges one runner. A driver's list may be a moment older than the rows. */
export function fateOf(
  runner: DesiredRunner,
  seen: ObservedState | undefined,
  now: Date,
  policy: Policy,
): RunnerFate {
  if (seen?.state === 'gone') return { kind: 'gone', detail: seen.detail ?? 'The runner ended.' }
  if (runner.state === 'creating') return fateOfCreating(runner, seen, now, policy)
  if (seen) return { kind: 'up' }
  const since = runner.readyAt ?? runner.createdAt
  return age(since, now) < policy.unseenMs ? { kind: 'up' } : { kind: 'gone', detail: 'The runner vanished.' }
}

function fateOfCreating(
  runner: DesiredRunner,
  seen: ObservedState | undefined,
  now: Date,
  policy: Policy,
): RunnerFate {
  if (seen?.state === 'up') return { kind: 'up' }
  const old = age(runner.createdAt, now)
  if (!seen && old >= policy.unseenMs) return { kind: 'gone', detail: 'The runner was never started.' }
  return old >= policy.startTimeoutMs ? { kind: 'late' } : { kind: 'coming' }
}

/** Milliseconds from `since` to `now`. */
export function age(since: Date, now: Date): number {
  return now.getTime() - since.getTime()
}

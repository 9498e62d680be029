import { equalJitter, fullJitter } from './backoff.ts'
import type { CliscaleError } from './errors.ts'

/** What a {@link ReconnectPolicy} decides on. */
export interface ReconnectContext {
  /** Failed attempts since the connection was last stable, from 0. */
  readonly attempt: number
  /** Milliseconds since the connection was lost, or since `connect()` when there never was one. */
  readonly elapsedMs: number
  /** Whether this terminal was ever connected. */
  readonly everConnected: boolean
  /** What ended the last attempt. Final refusals (see the reconnect table in the README) never reach the policy. */
  readonly error: CliscaleError
  /** Milliseconds that the server asked to wait: `retryAfterMs` of its error, or `Retry-After`. */
  readonly retryAfterMs: number | undefined
}

/** Decides when a terminal connects again. */
export interface ReconnectPolicy {
  /** Milliseconds until the next attempt, or `null` to give up: the terminal then fails with `context.error`. */
  nextDelayMs(context: ReconnectContext): number | null
}

/** Options of {@link defaultReconnectPolicy}. */
export interface ReconnectOptions {
  /** Longest first delay, in milliseconds. Default 250. */
  readonly baseMs?: number
  /** Longest delay, in milliseconds. Default 15,000. */
  readonly capMs?: number
  /** How long to try while there never was a connection, in milliseconds. Default 30,000. */
  readonly firstConnectMs?: number
  /** How long to try once there was one, in milliseconds. Default: as long as the session lives. */
  readonly giveUpAfterMs?: number
}

/**
 * Jitter from 250 ms to 15 s: full for the first delay, so that clients that lost the same server do not come back
 * together; later ones keep at least half of their length, because attempts in quick succession only slow the start of
 * a server that thousands wait for. No delay is longer than `baseMs` and half of the outage so far: a server that is back
 * after a second is found within another one, however many attempts that second had. A delay that the server asked
 * for is kept, with up to `baseMs` on top so that clients that were told the same still spread.
 */
export function defaultReconnectPolicy(options: ReconnectOptions = {}): ReconnectPolicy {
  const { baseMs = 250, capMs = 15_000, firstConnectMs = 30_000, giveUpAfterMs = Infinity } = options
  return {
    nextDelayMs({ attempt, elapsedMs, everConnected, retryAfterMs }) {
      if (elapsedMs > (everConnected ? giveUpAfterMs : firstConnectMs)) return null
      if (retryAfterMs !== undefined) return retryAfterMs + fullJitter(0, { baseMs, capMs })
      const jitter = attempt === 0 ? fullJitter : equalJitter
      return jitter(attempt, { baseMs, capMs: Math.min(capMs, baseMs + elapsedMs / 2) })
    },
  }
}

/** Never connects again: the first loss ends the terminal. */
export const neverReconnect: ReconnectPolicy = { nextDelayMs: () => null }

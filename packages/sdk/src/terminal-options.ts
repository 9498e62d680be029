import { neverReconnect, type ReconnectPolicy, defaultReconnectPolicy } from './reconnect-policy.ts'
import { HEARTBEAT, type HeartbeatTiming } from './terminal/heartbeat.ts'
import type { TokenSource } from './token-source.ts'

/** Options of a terminal. */
export interface TerminalOptions {
  /** Where one-time tokens come from; asked anew at every connect. */
  readonly tokenSource: TokenSource
  /** ws: or wss: address of the session's terminal. Not needed when the token source answers with one. */
  readonly url?: string | undefined
  /** Width in character cells, 1 to 1,000. Default 80. */
  readonly columns?: number | undefined
  /** Height in rows, 1 to 500. Default 24. */
  readonly rows?: number | undefined
  /** When to connect again. Default: full jitter from 250 ms to 15 s while the session lives; `false` = never. */
  readonly reconnect?: ReconnectPolicy | false | undefined
  /** Longest wait for the token source, in milliseconds. Default 10,000. */
  readonly tokenTimeoutMs?: number | undefined
  /** Longest wait for the socket and the first message on it, in milliseconds. Default 15,000. */
  readonly handshakeTimeoutMs?: number | undefined
  /** A connection that held this long makes the next loss a first one for the policy, in milliseconds. Default 10,000. */
  readonly stableAfterMs?: number | undefined
  /** Times of the heartbeat, in milliseconds. Defaults: probe after 20,000 of silence or 1,000 without an answer to input, `unstable` after 3,000, reconnect after 10,000. */
  readonly heartbeat?: Partial<HeartbeatTiming> | undefined
  /** Closes the terminal. */
  readonly signal?: AbortSignal | undefined
}

/** Options with every default filled in. */
export interface ResolvedTerminalOptions {
  readonly tokenSource: TokenSource
  readonly url: string | undefined
  readonly columns: number
  readonly rows: number
  readonly policy: ReconnectPolicy
  readonly tokenTimeoutMs: number
  readonly handshakeTimeoutMs: number
  readonly stableMs: number
  readonly heartbeat: HeartbeatTiming
}

/** Fills in the defaults. */
export function resolveTerminalOptions(options: TerminalOptions): ResolvedTerminalOptions {
  const { reconnect } = options
  return {
    tokenSource: options.tokenSource,
    url: options.url,
    columns: options.columns ?? 80,
    rows: options.rows ?? 24,
    policy: reconnect === false ? neverReconnect : (reconnect ?? defaultReconnectPolicy()),
    tokenTimeoutMs: options.tokenTimeoutMs ?? 10_000,
    handshakeTimeoutMs: options.handshakeTimeoutMs ?? 15_000,
    stableMs: options.stableAfterMs ?? 10_000,
    heartbeat: { ...HEARTBEAT, ...options.heartbeat },
  }
}

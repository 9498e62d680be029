/** Bounds of the gateway. Bytes are bytes, times carry their unit; every default stands in {@link GATEWAY_DEFAULTS}. */
export interface GatewayLimits {
  /** Longest time from the upgrade request to its answer: token check and redemption. */
  readonly handshakeTimeoutMs: number
  /** Longest time of one attempt to reach a runner, its handshake included. */
  readonly dialTimeoutMs: number
  /** A runner that cannot be reached is tried again for so long. */
  readonly dialRetryMs: number
  /** Longest stay in the waiting room. */
  readonly startTimeoutMs: number
  /** After a close frame, the time in which the other side may answer. */
  readonly closeTimeoutMs: number
  /** Upgrades that are not answered yet, in all. One more: 503. */
  readonly maxPendingUpgrades: number
  /** Upgrades that are not answered yet, per client address. One more: 503. */
  readonly maxPendingPerAddress: number
  /** Open terminals. One more: 503. */
  readonly maxConnections: number
  /** Terminals that wait for their runner. One more: `OVERLOADED`. */
  readonly maxWaiting: number
  /** What a client may send before its terminal is there; the rest stays in its socket. */
  readonly maxWaitingBytes: number
  /** Largest message of a runner. */
  readonly maxRunnerMessageBytes: number
  /** Bytes that a socket may hold before its peer is not read any more. */
  readonly highWaterMark: number
  /** Bytes that all terminals together may hold back; beyond it the longest-stalled clients are cut off. */
  readonly maxBufferedBytes: number
  /** A client that was sent nothing for so long, ±20 %, is pinged. */
  readonly pingIntervalMs: number
  /** Time for the answer to a ping; two misses end the connection. */
  readonly pongTimeoutMs: number
  /** A terminal's longest connection, ±10 %; then its client is asked to come back. */
  readonly maxLifetimeMs: number
  /** Resolution of pings, closes and lifetimes. */
  readonly tickMs: number
}

/** Defaults of {@link GatewayLimits}. */
export const GATEWAY_DEFAULTS: GatewayLimits = {
  handshakeTimeoutMs: 5_000,
  dialTimeoutMs: 2_000,
  dialRetryMs: 3_000,
  startTimeoutMs: 300_000,
  closeTimeoutMs: 2_000,
  maxPendingUpgrades: 1_024,
  maxPendingPerAddress: 256,
  maxConnections: 50_000,
  maxWaiting: 10_000,
  maxWaitingBytes: 131_072,
  maxRunnerMessageBytes: 1_048_576,
  highWaterMark: 16_384,
  maxBufferedBytes: 268_435_456,
  pingIntervalMs: 25_000,
  pongTimeoutMs: 15_000,
  maxLifetimeMs: 14_400_000,
  tickMs: 1_000,
}

/** Where runners may be. Addresses come from the database, but a reused or forged row must not reach anything else. */
export interface RunnerReach {
  /** Folder below which runners' Unix sockets lie; null refuses Unix addresses. */
  readonly unixFolder: string | null
  /** Networks (CIDR) in which runners' TCP addresses lie; empty refuses TCP addresses. Loopback, link-local and metadata addresses are refused unless a network names them. */
  readonly networks: readonly string[]
}

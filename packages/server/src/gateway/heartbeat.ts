import { FLAG, type Link } from './link.ts'
import type { GatewayLimits } from './options.ts'
import type { Splice } from './splice.ts'
import type { GatewayStats } from './stats.ts'
import type { TimerWheel } from './timer-wheel.ts'

/** What the heartbeat works with. */
export interface HeartbeatServices {
  readonly limits: GatewayLimits
  readonly stats: GatewayStats
  readonly wheel: TimerWheel<Link>
  readonly splice: Splice
}

const MISSES = 2
const SPREAD = 0.2

/**
 * Looks at each connection when the wheel says so: pings a client that was sent nothing for a while, ends one that
 * gives no sign of life, and asks one that has been here for very long to come back elsewhere.
 */
export class Heartbeat {
  private readonly services: HeartbeatServices

  constructor(services: HeartbeatServices) {
    this.services = services
  }

  /** A new connection. */
  begin(link: Link): void {
    const { wheel, limits } = this.services
    link.openedAt = wheel.now
    link.sentAt = wheel.now
    link.expiresAt = wheel.now + wheel.ticks(spread(limits.maxLifetimeMs, 0.1))
    wheel.schedule(link, this.interval())
  }

  /** The wheel's callback. */
  due(link: Link): void {
    const { wheel, limits, splice, stats } = this.services
    if (splice.endingIsDue(link)) return
    if (wheel.now >= link.expiresAt) {
      splice.comeBack(link, limits.pongTimeoutMs)
      return
    }
    const quiet = wheel.now - link.sentAt
    if (link.missed === 0 && quiet < wheel.ticks(limits.pingIntervalMs * (1 - SPREAD))) {
      wheel.schedule(link, this.interval() - quiet)
      return
    }
    // A ping that found no boundary was not sent, so its answer cannot be missed.
    if (!link.is(FLAG.pingDue)) link.missed += 1
    if (link.missed > MISSES) {
      stats.heartbeatTimeouts += 1
      splice.destroy(link)
      return
    }
    splice.ping(link)
    wheel.schedule(link, wheel.ticks(limits.pongTimeoutMs))
  }

  /** Ticks of quiet after which to ping: random, so that connections that came together do not stay together. */
  private interval(): number {
    const { wheel, limits } = this.services
    return wheel.ticks(spread(limits.pingIntervalMs, SPREAD))
  }
}

function spread(ms: number, share: number): number {
  return ms * (1 - share + 2 * share * Math.random())
}

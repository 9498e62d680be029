import { CodedError } from '../http/coded-error.ts'
import type { GatewayLimits } from './options.ts'

const RETRY_AFTER_MS = 1_000

/** Counts upgrades that are not answered yet, so that a storm is shed while shedding is cheap. */
export class Admission {
  private readonly limits: GatewayLimits
  private readonly byAddress = new Map<string, number>()
  /** Upgrades that are not answered yet. */
  pending = 0
  /** Set when the gateway is about to stop. */
  draining = false

  constructor(limits: GatewayLimits) {
    this.limits = limits
  }

  /**
   * Lets an upgrade in; {@link leave} must follow.
   * @throws {CodedError} `DRAINING`, `OVERLOADED`
   */
  enter(address: string, connections: number): void {
    if (this.draining) throw new CodedError('DRAINING', undefined, { retryAfterMs: RETRY_AFTER_MS })
    const here = this.byAddress.get(address) ?? 0
    const { maxPendingUpgrades, maxPendingPerAddress, maxConnections } = this.limits
    if (this.pending >= maxPendingUpgrades || here >= maxPendingPerAddress || connections >= maxConnections) {
      throw new CodedError('OVERLOADED', undefined, { retryAfterMs: RETRY_AFTER_MS })
    }
    this.pending += 1
    this.byAddress.set(address, here + 1)
  }

  /** The upgrade was answered or is gone. */
  leave(address: string): void {
    this.pending -= 1
    const here = (this.byAddress.get(address) ?? 1) - 1
    if (here > 0) this.byAddress.set(address, here)
    else this.byAddress.delete(address)
  }
}

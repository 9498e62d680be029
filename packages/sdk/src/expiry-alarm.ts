import type { ServerClock } from './server-clock.ts'
import { isEnded, type SessionInfo } from './protocol/index.ts'

/** Longest warning before the end. */
const WARNING_MS = 60_000

/** Longest delay that timers keep (2^31 − 1 ms). */
const MAX_DELAY_MS = 2_147_483_647

/** Rings once before a session's lifetime is over: a minute before, or a tenth of the lifetime if that is less. */
export class ExpiryAlarm {
  readonly #clock: Pick<ServerClock, 'msUntil'>
  readonly #ring: (expiresAt: Date) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #setFor: string | undefined

  constructor(clock: Pick<ServerClock, 'msUntil'>, ring: (expiresAt: Date) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Sets it for what is known of the session; a new end sets it anew. */
  set(info: SessionInfo): void {
    if (isEnded(info.state)) return this.clear()
    if (info.expiresAt === this.#setFor) return
    this.clear()
    this.#setFor = info.expiresAt
    const expiresAt = new Date(info.expiresAt)
    const warning = Math.min(WARNING_MS, info.lifetimeSeconds * 100)
    const delay = Math.max(0, this.#clock.msUntil(expiresAt) - warning)
    if (delay <= MAX_DELAY_MS) this.#timer = setTimeout(() => this.#ring(expiresAt), delay)
  }

  /** Takes it off. */
  clear(): void {
    clearTimeout(this.#timer)
    this.#setFor = undefined
  }
}

import { fromUtf8, toUtf8 } from '../protocol/text.ts'

/** Times of a heartbeat, in milliseconds. */
export interface HeartbeatTiming {
  /** Silence after which the other side is probed. Default 20,000. */
  readonly silenceMs: number
  /** Wait for the acknowledgement of input after which it is probed. Default 1,000. */
  readonly inputMs: number
  /** Unanswered time after which the connection counts as unstable. Default 3,000. */
  readonly unstableMs: number
  /** Unanswered time after which it counts as lost. Default 10,000. */
  readonly deadMs: number
}

/** Default {@link HeartbeatTiming}. */
export const HEARTBEAT: HeartbeatTiming = {
  silenceMs: 20_000,
  inputMs: 1_000,
  unstableMs: 3_000,
  deadMs: 10_000,
}

/** Where a heartbeat acts and reports. */
export interface HeartbeatHost {
  probe(data: Uint8Array): void
  /** Nothing came for `unstableMs`, or something came again. */
  stable(stable: boolean): void
  dead(): void
  latency(milliseconds: number): void
}

/**
 * Tells a dead connection from a quiet one. Any message proves life; after silence, or after input that is not
 * acknowledged, a probe asks for one. It costs one timer, re-armed when it fires and not at every message.
 */
export class Heartbeat {
  readonly #host: HeartbeatHost
  readonly #timing: HeartbeatTiming
  #lastReceivedAt = performance.now()
  /** Since when an answer is due. */
  #dueSince: number | undefined
  #inputAt: number | undefined
  #probedAt = 0
  #probes = 0
  #unstable = false
  #timer: ReturnType<typeof setTimeout> | undefined
  /** When it fires. */
  #timerAt = 0

  constructor(host: HeartbeatHost, timing: HeartbeatTiming) {
    this.#host = host
    this.#timing = timing
    this.#arm()
  }

  /** A message came. */
  received(): void {
    this.#lastReceivedAt = performance.now()
    if (this.#dueSince === undefined) return
    this.#dueSince = undefined
    this.#arm()
    if (!this.#unstable) return
    this.#unstable = false
    this.#host.stable(true)
  }

  /** The answer to a probe came. */
  answered(data: Uint8Array): void {
    if (fromUtf8(data) === String(this.#probes)) this.#host.latency(performance.now() - this.#probedAt)
  }

  /** Input went out, or all of it was acknowledged. */
  input(inFlight: boolean): void {
    if (!inFlight) {
      this.#inputAt = undefined
      return
    }
    if (this.#inputAt !== undefined) return
    this.#inputAt = performance.now()
    this.#arm()
  }

  /** Asks for a sign of life now: the machine woke up, or the network changed. */
  probe(since: number = performance.now()): void {
    this.#probes += 1
    this.#probedAt = performance.now()
    this.#dueSince ??= since
    this.#host.probe(toUtf8(String(this.#probes)))
    this.#arm()
  }

  /** Ends it. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** A timer that fires sooner stays: it looks again then. So keys in quick succession set none. */
  #arm(): void {
    const at = this.#nextAt()
    if (this.#timer !== undefined && this.#timerAt <= at) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, Math.ceil(at - performance.now())))
  }

  #nextAt(): number {
    const { silenceMs, inputMs, unstableMs, deadMs } = this.#timing
    if (this.#dueSince !== undefined) return this.#dueSince + (this.#unstable ? deadMs : unstableMs)
    const silentAt = this.#lastReceivedAt + silenceMs
    return this.#inputAt === undefined
      ? silentAt
      : Math.min(silentAt, this.#waitsSince(this.#inputAt) + inputMs)
  }

  #waitsSince(inputAt: number): number {
    return Math.max(inputAt, this.#lastReceivedAt)
  }

  #tick(): void {
    this.#timer = undefined
    const now = performance.now()
    if (now < this.#nextAt()) return this.#arm()
    if (this.#dueSince === undefined) {
      return this.probe(this.#inputAt === undefined ? now : this.#waitsSince(this.#inputAt))
    }
    if (this.#unstable) return this.#host.dead()
    this.#unstable = true
    this.#host.stable(false)
    this.#arm()
  }
}

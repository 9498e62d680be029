/** Why a client's message was not passed on. */
export const DROP_REASONS = ['viewer_input', 'empty', 'flow_control', 'oversize'] as const

/** One of {@link DROP_REASONS}. */
export type DropReason = (typeof DROP_REASONS)[number]

/** The side of a connection that is not read because its peer cannot take more. */
export type HeldSide = 'client' | 'runner'

/** Direction of bytes and frames: `in` from the client, `out` to the client. */
export type Direction = 'in' | 'out'

/** Bytes and frames of one direction. */
export class Traffic {
  bytes = 0
  /** Frames by WebSocket opcode. */
  readonly frames: number[] = Array.from({ length: 16 }, () => 0)
}

/**
 * What the data path counts: plain numbers, because a labelled counter costs more than the frame that it counts. The
 * metrics read them when they are scraped.
 */
export class GatewayStats {
  readonly in: Traffic = new Traffic()
  readonly out: Traffic = new Traffic()
  readonly dropped: Record<DropReason, number> = {
    viewer_input: 0,
    empty: 0,
    flow_control: 0,
    oversize: 0,
  }
  /** Connections that are not read now, by the side that is not read. */
  readonly paused: Record<HeldSide, number> = { client: 0, runner: 0 }
  private readonly pausedSeconds: Record<HeldSide, number> = { client: 0, runner: 0 }
  private readonly pausedSince: Record<HeldSide, number> = { client: 0, runner: 0 }
  heartbeatTimeouts = 0
  /** Clients cut off because all together held back too much. */
  shed = 0

  /** A side of one more connection, or of one less, is not read. */
  hold(side: HeldSide, by: 1 | -1): void {
    this.addPauses(side)
    this.paused[side] += by
  }

  /** Seconds that connections were not read, all together. */
  pauseSeconds(side: HeldSide): number {
    this.addPauses(side)
    return this.pausedSeconds[side]
  }

  /** Sums the number of paused connections over time, so that none has to remember since when it is paused. */
  private addPauses(side: HeldSide): void {
    const now = performance.now()
    this.pausedSeconds[side] += (this.paused[side] * (now - this.pausedSince[side])) / 1_000
    this.pausedSince[side] = now
  }
}

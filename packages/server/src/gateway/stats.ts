/** Why a client's frame was not passed on. */
export type DropReason = 'viewer_input' | 'empty' | 'flow_control'

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
  readonly dropped: Record<DropReason, number> = { viewer_input: 0, empty: 0, flow_control: 0 }
  /** Connections that are not read now, by the side that is not read. */
  readonly paused: Record<'client' | 'runner', number> = { client: 0, runner: 0 }
  heartbeatTimeouts = 0
  /** Clients cut off because all together held back too much. */
  shed = 0
}

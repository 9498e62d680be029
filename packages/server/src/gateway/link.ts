import type { Socket } from 'node:net'
import type { Role, TerminalSubprotocol } from '@cliscale/sdk/protocol'
import { FrameState } from './frame-tracker.ts'
import type { Farewell } from './frames.ts'
import type { WheelEntry } from './timer-wheel.ts'

/** Where a terminal's connection stands, as bits of {@link Link.flags}. */
export const FLAG = {
  /** The token gave the role observer. */
  observer: 1 << 0,
  /** The client settled on `tty`: no typed messages, and PAUSE and RESUME are the gateway's to obey. */
  tty: 1 << 1,
  /** The payload that is passing from the client is dropped. */
  dropFrame: 1 << 2,
  /** The client's unfinished message is dropped. */
  dropMessage: 1 << 3,
  /** The client's bytes are not read any more: it broke the protocol, or its part is over. */
  deaf: 1 << 4,
  /** The runner is not read because the client's socket is full. */
  runnerHeld: 1 << 5,
  /** The client is not read because the runner's socket is full. */
  clientHeld: 1 << 6,
  /** A `tty` client asked for no output. */
  paused: 1 << 7,
  /** A ping waits for a frame boundary. */
  pingDue: 1 << 8,
  /** The runner sent its close frame. */
  runnerClosing: 1 << 9,
  /** The client sent its close frame. */
  clientClosing: 1 << 10,
  /** The gateway took leave of the client: nothing more is sent to it. */
  parted: 1 << 11,
  /** One side ended its stream; the other has the close timeout. */
  ending: 1 << 12,
  /** The client's socket is closed. */
  clientGone: 1 << 13,
  /** The runner's socket is closed. */
  runnerGone: 1 << 14,
  /** The runner went away without a close frame, or sent no frames. */
  lost: 1 << 15,
  /** The upgrade was refused; the connection lives only to say so. */
  refused: 1 << 16,
} as const

/** What a new {@link Link} starts with. */
export interface LinkStart {
  readonly client: Socket
  readonly sessionId: string
  readonly requestId: string
  readonly role: Role
  readonly subprotocol: TerminalSubprotocol
  /** The API key or sign-in that its token was minted through. */
  readonly accessId: string | null
}

/**
 * One terminal's connection: the client's socket, later the runner's, and what must be remembered between chunks. Kept
 * to small integers and few references, because a gateway holds tens of thousands.
 */
export class Link implements WheelEntry {
  readonly client: Socket
  runner: Socket | null = null
  readonly sessionId: string
  readonly requestId: string
  readonly accessId: string | null
  flags: number
  readonly clientFrames: FrameState = new FrameState()
  readonly runnerFrames: FrameState = new FrameState()
  /** Header bytes of a client's frame that cannot be judged yet. */
  held: Buffer | null = null
  /** What takes the client's bytes while there is no runner. */
  waiting: LinkInput | null = null
  /** A farewell that waits for a frame boundary. */
  farewell: Farewell | null = null
  /** Close code that was seen or sent first; 0 while none. */
  closeCode = 0
  /** Tick of the last byte to the client. */
  sentAt = 0
  /** Tick at which the client was let in. */
  openedAt = 0
  /** Tick at which the client is asked to come back. */
  expiresAt = 0
  /** Milliseconds of the process's clock at the last ping, for the round trip; 0 when none is under way. */
  pingedAt = 0
  /** Pings without any sign of life since. */
  missed = 0
  due = -1
  wheelNext: WheelEntry | null = null
  wheelPrevious: WheelEntry | null = null

  constructor(start: LinkStart) {
    this.client = start.client
    this.sessionId = start.sessionId
    this.requestId = start.requestId
    this.accessId = start.accessId
    this.flags =
      (start.role === 'observer' ? FLAG.observer : 0) | (start.subprotocol === 'tty' ? FLAG.tty : 0)
  }

  /** True when any of the bits is set. */
  is(flags: number): boolean {
    return (this.flags & flags) !== 0
  }

  /** The role as the token gave it. */
  get role(): Role {
    return this.is(FLAG.observer) ? 'observer' : 'driver'
  }

  /** What the client settled on. */
  get subprotocol(): TerminalSubprotocol {
    return this.is(FLAG.tty) ? 'tty' : 'cliscale.v1'
  }
}

/** Takes a client's bytes while there is no runner. */
export interface LinkInput {
  take(chunk: Buffer): void
  /** The client's socket can take more. */
  drained(): void
  /** The client ended its stream or is gone. */
  abandon(): void
}

const LINK = Symbol('cliscale.link')

/** A socket that belongs to a link. Shared handlers find the link through it, so that no connection has closures of its own. */
export interface LinkedSocket extends Socket {
  [LINK]?: Link | undefined
}

/** Ties a socket to its link, or unties it. */
export function tie(socket: LinkedSocket, link: Link | undefined): void {
  socket[LINK] = link
}

/** The link of a socket. */
export function linkOf(socket: LinkedSocket): Link | undefined {
  return socket[LINK]
}

import type { Role } from './claims.ts'
import type { ErrorCode } from './error-codes.ts'
import type { PhaseReport, SessionExit } from './phases.ts'

/**
 * Messages of the terminal socket. Every WebSocket message is binary (text is accepted from clients) and begins with
 * one opcode byte; the rest is its payload. `0`, `1`, `2`, `3` and `{` are ttyd's (tsl0922/ttyd 1.7.7, src/server.h);
 * the letters are ours and are only sent on `cliscale.v1`.
 *
 * **Offsets.** Output offsets count the payload bytes of output messages since the session's first byte; input offsets
 * count the payload bytes of input messages of one client since its first. Both start from a base in `ready`, so no
 * message needs a header.
 */

/** Opcodes that a client sends, by name. */
export const CLIENT_OPCODES = {
  /** `{` begins the JSON hello and belongs to it. */
  hello: 0x7b,
  /** `0` input bytes. */
  input: 0x30,
  /** `1` JSON `{columns, rows}`. */
  resize: 0x31,
  /** `2` ttyd's PAUSE: send no output until RESUME. Only on `tty`. */
  pause: 0x32,
  /** `3` ttyd's RESUME. Only on `tty`. */
  resume: 0x33,
  /** `A` decimal output offset up to which the terminal has parsed. Cumulative. */
  credit: 0x41,
  /** `D` ask to become the driver. */
  drive: 0x44,
  /** `H` heartbeat probe, answered with the same payload. */
  heartbeat: 0x48,
} as const

/** Opcodes that a server sends, by name. */
export const SERVER_OPCODES = {
  /** `0` output bytes. */
  output: 0x30,
  /** `1` window title, UTF-8. */
  title: 0x31,
  /** `2` ttyd's preferences, JSON. Only on `tty`. */
  preferences: 0x32,
  /** `P` JSON phase report. */
  phase: 0x50,
  /** `R` JSON ready. */
  ready: 0x52,
  /** `S` bytes that rebuild the screen; not counted as output. */
  snapshot: 0x53,
  /** `K` decimal input offset up to which this client's input has reached the program. */
  inputAck: 0x4b,
  /** `Z` JSON size and driver. */
  size: 0x5a,
  /** `X` JSON exit; close 1000 follows. */
  exit: 0x58,
  /** `E` JSON error; a close follows. */
  error: 0x45,
  /** `H` answer to a heartbeat. */
  heartbeat: 0x48,
} as const

/** First message of a client; nothing but it may come first. */
export interface HelloMessage {
  readonly type: 'hello'
  /** Protocol version. Absent on `tty`. */
  readonly v?: number
  /** Random id of this terminal object, kept over its reconnects: its input offsets belong to it. */
  readonly client?: string
  readonly columns: number
  readonly rows: number
  /** Go on after this offset of this runner life. */
  readonly resume?: { readonly epoch: string; readonly offset: number }
  /** Offset of the first input byte that the client still holds unacknowledged. */
  readonly input?: number
}

/** A message from the client. */
export type ClientMessage =
  | HelloMessage
  | { readonly type: 'input'; readonly data: Uint8Array }
  | { readonly type: 'resize'; readonly columns: number; readonly rows: number }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'credit'; readonly offset: number }
  | { readonly type: 'drive' }
  | { readonly type: 'heartbeat'; readonly data: Uint8Array }

/**
 * How the output that follows `ready` relates to what the client has.
 *
 * - `fresh`    from the session's first byte
 * - `delta`    exactly the bytes after the client's offset
 * - `snapshot` the bytes are gone from the ring: reset the terminal, apply `replayBytes` bytes of `S`, go on at `offset`
 */
export type ResumeMode = 'fresh' | 'delta' | 'snapshot'

/** The terminal is there. May come again on the same socket, with `snapshot`, when a slow observer was skipped ahead. */
export interface ReadyMessage {
  readonly type: 'ready'
  /** One life of a runner; offsets of another epoch mean nothing. */
  readonly epoch: string
  /** Output offset of the next output byte. */
  readonly offset: number
  readonly mode: ResumeMode
  /** With `snapshot`: the offset that the client asked for, now out of reach. */
  readonly truncatedFrom?: number
  /** The next so many bytes (`S` for a snapshot, else `0`) repeat the past: answers to terminal queries in them must not be sent. */
  readonly replayBytes: number
  /** Send input from here on; bytes before it have arrived. */
  readonly inputOffset: number
  /** The PTY's size. The driver's terminal sets it, others scale to it. */
  readonly columns: number
  readonly rows: number
  /** What this connection's token allows. */
  readonly role: Role
  /** Whether this connection types and owns the size now. */
  readonly driver: boolean
}

/** The PTY's size or the driver changed. */
export interface SizeMessage {
  readonly type: 'size'
  readonly columns: number
  readonly rows: number
  /** Whether the receiving connection is the driver. */
  readonly driver: boolean
  /** Connections attached, the receiver included. */
  readonly clients: number
}

/** A message from the gateway or the runner. */
export type ServerMessage =
  | { readonly type: 'output'; readonly data: Uint8Array }
  | { readonly type: 'title'; readonly title: string }
  | { readonly type: 'preferences'; readonly preferences: Readonly<Record<string, unknown>> }
  | { readonly type: 'phase'; readonly report: PhaseReport }
  | ReadyMessage
  | { readonly type: 'snapshot'; readonly data: Uint8Array }
  | { readonly type: 'inputAck'; readonly offset: number }
  | SizeMessage
  | { readonly type: 'exit'; readonly exit: SessionExit }
  | { readonly type: 'error'; readonly error: TerminalError }
  | { readonly type: 'heartbeat'; readonly data: Uint8Array }

/** Why the server is about to close the socket. */
export interface TerminalError {
  /** A code of this version, or one of a newer server. */
  readonly code: ErrorCode | (string & {})
  readonly message: string
  readonly retryable: boolean
  /** Wait at least this long before the next attempt. */
  readonly retryAfterMs?: number
  readonly requestId?: string
}

/**
 * Follows a terminal's byte stream just far enough to tell where it may be cut: between two complete characters,
 * outside every escape sequence. It knows the same ends as the parser of xterm.js (Paul Williams' state machine for
 * DEC terminals, and C1 controls as UTF-8), so what follows a cut means the same to a terminal that starts there.
 */
export type GroundState =
  | 'ground'
  | 'escape'
  | 'csi'
  | 'osc'
  | 'dcs'
  | 'string'
  /** One to three continuation bytes to come. */
  | 'utf8-1'
  | 'utf8-2'
  | 'utf8-3'
  /** After 0xC2, where a C1 control may be. */
  | 'c1'

const BEL = 0x07
const CAN = 0x18
const SUB = 0x1a
const ESC = 0x1b

/** Where a stream is after some bytes, and the last place among them where it could be cut. */
export interface GroundScan {
  readonly state: GroundState
  /** Index just after the last byte that ended in ground state; -1 when none did. */
  readonly lastGround: number
}

/** Goes on through `bytes` from `state`. Pure. */
export function scanGround(from: GroundState, bytes: Uint8Array): GroundScan {
  let state = from
  let lastGround = -1
  for (let i = 0; i < bytes.length; i++) {
    state = next(state, bytes[i] ?? 0)
    if (state === 'ground') lastGround = i + 1
  }
  return { state, lastGround }
}

/**
 * Bytes that put a fresh terminal where a cut in `state` left the old one, when a string is so long that no better place
 * exists: an empty string of the same end, whose rest is then swallowed.
 */
export function reenter(state: GroundState): string {
  if (state === 'osc') return '\x1b]'
  if (state === 'dcs' || state === 'string') return '\x1bX'
  return ''
}

function next(state: GroundState, byte: number): GroundState {
  if (byte === ESC) return 'escape'
  switch (state) {
    case 'ground':
      return byte < 0x80 ? 'ground' : first(byte)
    case 'escape':
      return escape(byte)
    case 'csi':
      return (byte >= 0x40 && byte < 0x7f) || byte === CAN || byte === SUB ? 'ground' : 'csi'
    case 'osc':
      return byte === BEL || byte === CAN || byte === SUB ? 'ground' : 'osc'
    case 'dcs':
    case 'string':
      return byte === CAN || byte === SUB ? 'ground' : state
    case 'c1':
      return byte < 0x80 ? next('ground', byte) : c1(byte)
    case 'utf8-1':
      return byte < 0x80 ? next('ground', byte) : 'ground'
    case 'utf8-2':
      return byte < 0x80 ? next('ground', byte) : 'utf8-1'
    case 'utf8-3':
      return byte < 0x80 ? next('ground', byte) : 'utf8-2'
  }
}

function first(byte: number): GroundState {
  if (byte === 0xc2) return 'c1'
  if (byte >= 0xc3 && byte < 0xe0) return 'utf8-1'
  if (byte >= 0xe0 && byte < 0xf0) return 'utf8-2'
  return byte >= 0xf0 && byte < 0xf8 ? 'utf8-3' : 'ground'
}

function escape(byte: number): GroundState {
  if (byte < 0x30) return byte === CAN || byte === SUB ? 'ground' : 'escape'
  return introduced(byte)
}

function introduced(byte: number): GroundState {
  switch (byte) {
    case 0x5b:
      return 'csi'
    case 0x5d:
      return 'osc'
    case 0x50:
      return 'dcs'
    case 0x58:
    case 0x5e:
    case 0x5f:
      return 'string'
    case 0x7f:
      return 'escape'
    default:
      return byte < 0x80 ? 'ground' : first(byte)
  }
}

/** U+0080 to U+009F are the 8-bit forms of ESC @ to ESC _. */
function c1(byte: number): GroundState {
  return byte < 0xa0 ? introduced(byte - 0x40) : 'ground'
}

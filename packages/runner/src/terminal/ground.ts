/**
 * Follows a terminal's byte stream just far enough to tell where it may be cut: between two complete characters,
 * outside every escape sequence. It knows the same ends as the parser of xterm.js (Paul Williams' state machine for
 * DEC terminals, and C1 controls as UTF-8), so what follows a cut means the same to a terminal that starts there.
 */
export type GroundState =
  | Parsing
  /** One to three continuation bytes to come. */
  | 'utf8-1'
  | 'utf8-2'
  | 'utf8-3'
  /** After 0xC2, where a C1 control may be. */
  | `${Parsing}+c2`

type Parsing = 'ground' | 'escape' | 'csi' | 'osc' | 'dcs' | 'string'

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
    const byte = bytes[i] ?? 0
    // Nearly all bytes are plain text.
    if (state !== 'ground' || byte >= 0x80 || byte === ESC) state = next(state, byte)
    if (state === 'ground') lastGround = i + 1
  }
  return { state, lastGround }
}

/**
 * Bytes that put a fresh terminal where a cut in `state` left the old one, when a string is so long that no better place
 * exists: an empty string of the same end, whose rest is then swallowed.
 */
export function reenter(state: GroundState): string {
  if (state.startsWith('osc')) return '\x1b]'
  if (state.startsWith('dcs') || state.startsWith('string')) return '\x1bX'
  return ''
}

function next(state: GroundState, byte: number): GroundState {
  if (byte === ESC) return 'escape'
  switch (state) {
    case 'ground':
      return byte < 0x80 ? 'ground' : first(byte)
    case 'utf8-1':
      return isContinuation(byte) ? 'ground' : next('ground', byte)
    case 'utf8-2':
      return isContinuation(byte) ? 'utf8-1' : next('ground', byte)
    case 'utf8-3':
      return isContinuation(byte) ? 'utf8-2' : next('ground', byte)
    case 'escape':
    case 'csi':
    case 'osc':
    case 'dcs':
    case 'string':
      return byte === 0xc2 ? `${state}+c2` : within(state, byte)
    case 'ground+c2':
    case 'escape+c2':
    case 'csi+c2':
    case 'osc+c2':
    case 'dcs+c2':
    case 'string+c2':
      return afterC2(state.slice(0, -3) as Parsing, byte)
  }
}

function within(state: Parsing, byte: number): GroundState {
  if (byte === CAN || byte === SUB) return 'ground'
  if (state === 'escape') return byte < 0x30 || byte >= 0x7f ? 'escape' : introduced(byte)
  if (state === 'csi') return byte >= 0x40 && byte < 0x7f ? 'ground' : 'csi'
  return state === 'osc' && byte === BEL ? 'ground' : state
}

/** U+0080 to U+009F are the 8-bit forms of ESC @ to ESC _, and are obeyed everywhere. */
function afterC2(state: Parsing, byte: number): GroundState {
  if (!isContinuation(byte)) return next(state, byte)
  return byte < 0xa0 ? introduced(byte - 0x40) : state
}

function isContinuation(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0
}

function first(byte: number): GroundState {
  if (byte === 0xc2) return 'ground+c2'
  if (byte >= 0xc3 && byte < 0xe0) return 'utf8-1'
  if (byte >= 0xe0 && byte < 0xf0) return 'utf8-2'
  return byte >= 0xf0 && byte < 0xf8 ? 'utf8-3' : 'ground'
}

/** What ESC and this byte begin. */
function introduced(byte: number): Parsing {
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
    default:
      return 'ground'
  }
}

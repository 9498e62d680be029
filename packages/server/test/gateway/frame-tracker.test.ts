import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { FRAME_FAULTS, FrameScanner, FrameState, OPCODE, SCAN } from '../../src/gateway/frame-tracker.ts'
import { chunksOf, readCorpus } from './support/corpus.ts'
import { referenceRead, trackerRead } from './support/frame-readers.ts'
import { cut, rawFrame, type RawFrame } from './support/raw-frames.ts'

interface Seen {
  at: number
  opcode: number
  fin: boolean
  length: number
  lead: number
}

const MAX = 70_000

/** Feeds the chunks and returns every frame with its absolute offset, and the boundaries that the state reported. */
function track(chunks: readonly Uint8Array[], masked: boolean) {
  const scanner = new FrameScanner({ masked, maxMessageBytes: MAX })
  const state = new FrameState()
  const frames: Seen[] = []
  const boundaries: number[] = []
  let base = 0
  for (const chunk of chunks) {
    let at = 0
    for (;;) {
      at = scanner.scan(state, chunk, at)
      if (scanner.event !== SCAN.frame) break
      const { opcode, fin, length, lead, frameAt } = scanner
      frames.push({ at: base + frameAt, opcode, fin, length, lead })
    }
    if (scanner.event > SCAN.frame) return { frames, boundaries, fault: scanner.event }
    assert.equal(at, chunk.length)
    base += chunk.length
    if (state.atBoundary) boundaries.push(base)
  }
  return { frames, boundaries, fault: 0 }
}

const size = fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constantFrom(125, 126, 127, 300, 65_535, 65_536))
const payload = size.map((n) => Buffer.alloc(n, 7))
const mask = fc.uint8Array({ minLength: 4, maxLength: 4 })

/** A message in one or more fragments, sometimes with control frames between them. */
const message = fc
  .record({
    opcode: fc.constantFrom(1, 2),
    pieces: fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 3 }),
    last: payload,
    control: fc.constantFrom(0, 8, 9, 10),
  })
  .map(({ opcode, pieces, last, control }) => {
    const frames: RawFrame[] = []
    for (const [i, n] of pieces.entries()) {
      frames.push({ opcode: i === 0 ? opcode : 0, fin: false, payload: Buffer.alloc(n, i) })
      if (control > 0) frames.push({ opcode: control, payload: Buffer.alloc(n % 126, 3) })
    }
    frames.push({ opcode: pieces.length === 0 ? opcode : 0, payload: last })
    return frames
  })

function stream(masked: boolean) {
  return fc
    .array(fc.tuple(message, mask), { maxLength: 6 })
    .map((messages) =>
      messages.flatMap(([frames, key]) => frames.map((f) => (masked ? { ...f, mask: key } : f))),
    )
}

for (const masked of [true, false]) {
  test(`any chunking of any ${masked ? 'client' : 'runner'} stream gives the same frames and the right boundaries`, () => {
    const property = fc.property(stream(masked), fc.array(fc.nat(), { maxLength: 40 }), (frames, points) => {
      const bytes = Buffer.concat(frames.map((f) => rawFrame(f)))
      let at = 0
      const ends = new Set([0])
      const expected = frames.map((f) => {
        const seen = {
          at,
          opcode: f.opcode,
          fin: f.fin ?? true,
          length: f.payload.length,
          lead: masked && f.payload.length > 0 ? f.payload[0]! : -1,
        }
        at += rawFrame(f).length
        ends.add(at)
        return seen
      })
      const result = track(cut(bytes, points), masked)
      assert.equal(result.fault, 0)
      assert.deepEqual(result.frames, expected)
      for (const boundary of result.boundaries) assert.ok(ends.has(boundary))
    })
    fc.assert(property, { numRuns: 400 })
  })
}

test('skimming plain frames gives the same as looking at each', () => {
  const plain = fc
    .array(size, { maxLength: 12 })
    .map((sizes) => sizes.map((n): RawFrame => ({ opcode: 2, payload: Buffer.alloc(n, 0x82) })))
  const mixed = fc.tuple(plain, stream(false), plain).map((parts) => parts.flat())
  const property = fc.property(mixed, fc.array(fc.nat(), { maxLength: 20 }), (frames, points) => {
    const scanner = new FrameScanner({ masked: false, maxMessageBytes: MAX })
    const state = new FrameState()
    let count = 0
    const chunks = cut(Buffer.concat(frames.map((f) => rawFrame(f))), points)
    for (const chunk of chunks) {
      let at = scanner.skim(state, chunk)
      count += scanner.skimmed
      do {
        at = scanner.scan(state, chunk, at)
        if (scanner.event === SCAN.frame) count += 1
      } while (scanner.event === SCAN.frame)
      assert.equal(scanner.event, SCAN.more)
    }
    assert.equal(count, frames.length)
    assert.equal(state.betweenMessages, true)
  })
  fc.assert(property, { numRuns: 1_000 })
})

for (const piece of [1, 2, 3, 9, 13]) {
  test(`headers split into pieces of ${piece} bytes are followed`, () => {
    const key = Buffer.from([1, 2, 3, 4])
    const frames = [0, 1, 125, 126, 65_535, 65_536].map((n) => ({
      opcode: 2,
      payload: Buffer.alloc(n, 0x41),
      mask: key,
    }))
    const bytes = Buffer.concat(frames.map((f) => rawFrame(f)))
    const points = Array.from({ length: Math.floor(bytes.length / piece) }, (_, i) => i * piece)
    const { frames: seen } = track(cut(bytes, points), true)
    assert.deepEqual(
      seen.map((f) => f.length),
      frames.map((f) => f.payload.length),
    )
    assert.deepEqual(new Set(seen.slice(1).map((f) => f.lead)), new Set([0x41]))
  })
}

/** A stream, whether it is a client's, and the code of the fault that it must end in. */
const REFUSED: readonly (readonly [string, Buffer, boolean, string])[] = [
  ['a reserved bit', rawFrame({ opcode: 2, rsv: 4, payload: Buffer.from('x') }), false, 'MALFORMED_FRAME'],
  ['a reserved data opcode', rawFrame({ opcode: 3, payload: Buffer.from('x') }), false, 'MALFORMED_FRAME'],
  [
    'a reserved control opcode',
    rawFrame({ opcode: 11, payload: Buffer.from('x') }),
    false,
    'MALFORMED_FRAME',
  ],
  ['an unmasked client frame', rawFrame({ opcode: 2, payload: Buffer.from('x') }), true, 'MALFORMED_FRAME'],
  [
    'a masked runner frame',
    rawFrame({ opcode: 2, payload: Buffer.from('x'), mask: Buffer.alloc(4) }),
    false,
    'MALFORMED_FRAME',
  ],
  [
    'a fragmented ping',
    rawFrame({ opcode: 9, fin: false, payload: Buffer.alloc(1) }),
    false,
    'MALFORMED_FRAME',
  ],
  ['a ping of 126 bytes', rawFrame({ opcode: 9, payload: Buffer.alloc(126) }), false, 'MALFORMED_FRAME'],
  ['a length in too many bytes', Buffer.from([0x82, 126, 0, 5, 1, 2, 3, 4, 5]), false, 'MALFORMED_FRAME'],
  ['a stray continuation', rawFrame({ opcode: 0, payload: Buffer.alloc(1) }), false, 'MALFORMED_FRAME'],
  [
    'a message inside a message',
    Buffer.concat([
      rawFrame({ opcode: 2, fin: false, payload: Buffer.alloc(1) }),
      rawFrame({ opcode: 2, payload: Buffer.alloc(1) }),
    ]),
    false,
    'MALFORMED_FRAME',
  ],
  [
    'a frame over the limit',
    rawFrame({ opcode: 2, payload: Buffer.alloc(MAX + 1) }),
    false,
    'FRAME_TOO_LARGE',
  ],
  [
    'a length of 2^63',
    Buffer.from([0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
    false,
    'FRAME_TOO_LARGE',
  ],
  [
    'fragments that are over the limit together',
    Buffer.concat([
      rawFrame({ opcode: 2, fin: false, payload: Buffer.alloc(MAX) }),
      rawFrame({ opcode: OPCODE.continuation, payload: Buffer.alloc(1) }),
    ]),
    false,
    'FRAME_TOO_LARGE',
  ],
]

for (const [name, bytes, masked, code] of REFUSED) {
  test(`${name} is refused with ${code}, however it is cut`, () => {
    const padded = Buffer.concat([bytes, Buffer.alloc(20)])
    for (const chunks of [[padded], [...bytes].map((b) => Buffer.from([b]))]) {
      assert.equal(FRAME_FAULTS[track(chunks, masked).fault]?.code, code)
    }
  })
}

test('any bytes at all end in frames, in waiting for more or in a coded fault, the same however they are cut', () => {
  const property = fc.property(
    fc.uint8Array({ maxLength: 300 }),
    fc.array(fc.nat(), { maxLength: 20 }),
    fc.boolean(),
    (bytes, points, masked) => {
      const whole = track([bytes], masked)
      const pieces = track(cut(Buffer.from(bytes), points), masked)
      assert.deepEqual(pieces.frames, whole.frames)
      assert.equal(pieces.fault, whole.fault)
      assert.ok(whole.fault === 0 || FRAME_FAULTS[whole.fault] !== undefined)
    },
  )
  fc.assert(property, { numRuns: 2_000 })
})

for (const entry of readCorpus()) {
  test(`the saved stream is read right: ${entry.note}`, () => {
    const chunks = chunksOf(entry)
    const { frames, fault } = entry
    assert.deepEqual(trackerRead(chunks, entry.from === 'client'), { frames, fault })
    assert.deepEqual(referenceRead(Buffer.concat(chunks), entry.from === 'client'), { frames, fault })
  })
}

const HEADERS_TOO_LONG: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['one byte over the limit', [0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x71, 1, 2, 3, 4]],
  ['the top bit set', [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 1, 2, 3, 4]],
  ['all bits set', [0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]],
]

for (const [what, bytes] of HEADERS_TOO_LONG) {
  test(`a length with ${what} is refused by its header, however it is cut and before any payload`, () => {
    for (let cutAt = 1; cutAt <= bytes.length; cutAt += 1) {
      const chunks = [bytes.slice(0, cutAt), bytes.slice(cutAt)].filter(({ length }) => length > 0)
      const { fault, frames } = track(
        chunks.map((chunk) => Uint8Array.from(chunk)),
        true,
      )
      assert.equal(FRAME_FAULTS[fault]?.code, 'FRAME_TOO_LARGE', `cut at ${cutAt}`)
      assert.deepEqual(frames, [])
    }
  })
}

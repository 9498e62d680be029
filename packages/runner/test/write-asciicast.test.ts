import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { AsciicastWriter } from '../src/recording/asciicast.ts'
import { dataOf, readCast } from './support/read-cast.ts'

const HEAD = { columns: 80, rows: 24, type: 'xterm', startedAtMs: 1_700_000_000_999, title: 'sh' }

/** Bytes as programs write them: text of every width, control characters, and what is no UTF-8 at all. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      fc.string({ unit: 'grapheme' }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 8 }).map((raw) => Buffer.from(raw)),
    ),
  )
  .map((parts) => Buffer.concat(parts))

function chunksOf(whole: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].toSorted(
    (a, b) => a - b,
  )
  return at.slice(1).map((end, i) => whole.subarray(at[i], end))
}

test('however output is cut into chunks, the recording holds the same text', () => {
  fc.assert(
    fc.property(bytes, fc.array(fc.nat()), (whole, cuts) => {
      const writer = new AsciicastWriter('output')
      let text = writer.head(HEAD)
      for (const chunk of chunksOf(whole, cuts)) text += writer.output(chunk, 0)
      text += writer.rest(0)
      assert.equal(dataOf(readCast(text), 'o'), whole.toString('utf8'))
    }),
    { numRuns: 2_000 },
  )
})

test('input is written only when that was asked for, and apart from output', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), bytes)), (events) => {
      for (const mode of ['output', 'output-and-input'] as const) {
        const writer = new AsciicastWriter(mode)
        let text = writer.head(HEAD)
        for (const [typed, chunk] of events) text += typed ? writer.input(chunk, 0) : writer.output(chunk, 0)
        const cast = readCast(text + writer.rest(0))
        const all = (typed: boolean): string =>
          Buffer.concat(events.filter((event) => event[0] === typed).map((event) => event[1])).toString()
        assert.equal(dataOf(cast, 'o'), all(false))
        assert.equal(dataOf(cast, 'i'), mode === 'output' ? '' : all(true))
      }
    }),
  )
})

test('rounded intervals never drift: their sum is the time that has passed', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { maxLength: 500 }), (steps) => {
      const writer = new AsciicastWriter('output')
      let text = writer.head(HEAD)
      let atMs = 0
      for (const step of steps) text += writer.output(Buffer.from('x'), (atMs += step))
      const sum = readCast(text).events.reduce((total, [interval]) => total + interval * 1_000, 0)
      assert.ok(Math.abs(sum - atMs) <= 0.51, `${sum} ms instead of ${atMs} ms`)
    }),
  )
})

test('the header tells size, type and time, and a resize, a marker and the exit are events', () => {
  const writer = new AsciicastWriter('output')
  const text =
    writer.head(HEAD) +
    writer.resize({ columns: 100, rows: 30 }, 1_234.4) +
    writer.marker('here', 1_234.4) +
    writer.exit(3, 2_000)
  assert.equal(
    text,
    '{"version":3,"term":{"cols":80,"rows":24,"type":"xterm"},"timestamp":1700000000,"title":"sh"}\n' +
      '[1.234,"r","100x30"]\n[0,"m","here"]\n[0.766,"x","3"]\n',
  )
})

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import { EventStreamParser } from '../../src/http/event-stream-parser.ts'

const field = fc.string({ maxLength: 40 }).map((text) => text.replaceAll(/[\r\n\0]/g, ''))

suite('event stream', () => {
  test('any events in any chunking and with any line ends come out as they went in', () => {
    const events = fc.array(
      fc.record({ id: field, type: field, lines: fc.array(field, { minLength: 1, maxLength: 4 }) }),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(
        events,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat({ max: 30 }), { maxLength: 40 }),
        (list, end, cuts) => {
          const text = list
            .map(({ id, type, lines }) =>
              [
                `id: ${id}`,
                `event: ${type}`,
                ': a comment',
                'retry: 5',
                ...lines.map((line) => `data: ${line}`),
              ]
                .concat('', '')
                .join(end),
            )
            .join('')
          const parser = new EventStreamParser()
          const parsed = []
          let at = 0
          for (const cut of cuts) {
            parsed.push(...parser.push(text.slice(at, at + cut)))
            at += cut
          }
          parsed.push(...parser.push(text.slice(at)), ...parser.push('\n'))
          assert.deepEqual(
            parsed,
            list.map(({ id, type, lines }) => ({ id, type: type || 'message', data: lines.join('\n') })),
          )
        },
      ),
      { numRuns: 500 },
    )
  })

  test('an event or a line without an end is refused instead of kept', () => {
    const parser = new EventStreamParser()
    assert.throws(() => parser.push('x'.repeat(1_048_577)), RangeError)
    const other = new EventStreamParser()
    assert.throws(() => {
      for (let line = 0; line < 20; line += 1) other.push(`data: ${'x'.repeat(100_000)}\n`)
    }, RangeError)
  })
})

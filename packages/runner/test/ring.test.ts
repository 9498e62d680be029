import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import { Ring } from '../src/terminal/ring.ts'

test('a ring holds exactly the last bytes of whatever was appended', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 100_000 }),
    fc.array(fc.uint8Array({ maxLength: 30_000 }), { maxLength: 20 }),
    (capacity, chunks) => {
      const ring = new Ring(capacity)
      const all: number[] = []
      for (const chunk of chunks) {
        ring.append(chunk)
        all.push(...chunk)
        assert.equal(ring.head, all.length)
        assert.equal(ring.tail, Math.max(0, all.length - capacity))
      }
      const frame = ring.frame(0x30, ring.tail, ring.head)
      assert.equal(frame[0], 0x30)
      assert.deepEqual(frame.subarray(1), Buffer.from(all.slice(ring.tail)))
    },
  )
  fc.assert(property, { numRuns: 100 })
})

test('views of a ring join to what it holds', () => {
  const ring = new Ring(10)
  ring.append(Buffer.from('abcdefghijklmno'))
  let text = ''
  for (let at = ring.tail; at < ring.head;) {
    const view = ring.view(at, ring.head)
    text += Buffer.from(view).toString()
    at += view.length
  }
  assert.equal(text, 'fghijklmno')
})

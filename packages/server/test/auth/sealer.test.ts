import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Sealer, UnsealError } from '../../src/auth/sealer.ts'

const key = randomBytes(32)
const sealer = new Sealer(key)

test('what was sealed opens again, for the same context only', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), fc.string(), (plain, context, other) => {
      const sealed = sealer.seal(plain, context)
      assert.deepEqual(new Uint8Array(sealer.unseal(sealed, context)), plain)
      if (other !== context) assert.throws(() => sealer.unseal(sealed, other), UnsealError)
    }),
  )
})

test('a sealed value shows nothing of its text and is never the same twice', () => {
  const plain = Buffer.from('canary-secret-value')
  const [one, other] = [sealer.seal(plain, 'ses_1'), sealer.seal(plain, 'ses_1')]
  assert.notDeepEqual(one, other)
  assert.equal(one.includes(plain), false)
})

test('one changed bit anywhere is noticed', () => {
  const sealed = sealer.seal(Buffer.from('hello'), 'ses_1')
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    assert.throws(() => sealer.unseal(changed, 'ses_1'), UnsealError)
  }
})

test('a cut value and another key are refused', () => {
  const sealed = sealer.seal(Buffer.from('hello'), 'ses_1')
  for (let length = 0; length < sealed.length; length += 1)
    assert.throws(() => sealer.unseal(sealed.subarray(0, length), 'ses_1'), UnsealError)
  assert.throws(() => new Sealer(randomBytes(32)).unseal(sealed, 'ses_1'), UnsealError)
})

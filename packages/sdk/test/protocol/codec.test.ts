import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import * as fc from 'fast-check'
import {
  decodeClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  encodeServerMessage,
  MalformedMessage,
  MAX_CLIENT_FRAME_BYTES,
  MAX_TITLE_LENGTH,
} from '../../src/protocol/index.ts'
import { fromUtf8, toUtf8 } from '../../src/protocol/text.ts'
import { clientMessages, serverMessages } from './arbitraries.ts'
import { bytesOf, outcomeOf, readCorpus } from './codec-corpus.ts'

const RUNS = { numRuns: 500 }

suite('codec', () => {
  test('every client message survives encoding and decoding', () => {
    fc.assert(
      fc.property(clientMessages, (message) => {
        assert.deepEqual(decodeClientMessage(encodeClientMessage(message)), message)
      }),
      RUNS,
    )
  })

  test('every server message survives encoding and decoding', () => {
    fc.assert(
      fc.property(serverMessages, (message) => {
        assert.deepEqual(decodeServerMessage(encodeServerMessage(message)), message)
      }),
      RUNS,
    )
  })

  test('a payload inside a larger buffer is decoded as if it stood alone', () => {
    fc.assert(
      fc.property(serverMessages, fc.uint8Array({ maxLength: 16 }), (message, noise) => {
        const payload = encodeServerMessage(message)
        const buffer = new Uint8Array(noise.length * 2 + payload.length)
        buffer.set(noise)
        buffer.set(payload, noise.length)
        buffer.set(noise, noise.length + payload.length)
        const view = buffer.subarray(noise.length, noise.length + payload.length)
        assert.deepEqual(decodeServerMessage(view), message)
      }),
      RUNS,
    )
  })

  test('any bytes decode to a message or are refused as malformed, and nothing else is thrown', () => {
    const opcodes = Array.from(toUtf8('{0123ADHPRSKZXE'))
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.constantFrom(...opcodes), fc.uint8Array({ maxLength: 200 }))
        .map(([opcode, rest]) => Uint8Array.of(opcode, ...rest)),
      fc
        .tuple(fc.constantFrom(...opcodes), fc.json())
        .map(([opcode, json]) => Uint8Array.of(opcode, ...toUtf8(json))),
    )
    fc.assert(
      fc.property(payloads, (payload) => {
        for (const decode of [decodeClientMessage, decodeServerMessage]) {
          try {
            decode(payload)
          } catch (error) {
            assert.ok(error instanceof MalformedMessage)
            assert.equal(error.code, 'MALFORMED_FRAME')
            assert.notEqual(error.message, '')
          }
        }
      }),
      { numRuns: 3_000 },
    )
  })

  test('every input that the fuzzer saved ends as it did', () => {
    const corpus = readCorpus()
    assert.ok(corpus.length >= 50)
    for (const entry of corpus) assert.equal(outcomeOf(entry.from, bytesOf(entry)), entry.outcome)
  })

  test('a title is cut between characters, and a negative zero is a zero', () => {
    const title = `${'x'.repeat(MAX_TITLE_LENGTH - 1)}\u{1f600}`
    const cut = decodeServerMessage(toUtf8(`1${title}`))
    assert.deepEqual(cut, { type: 'title', title: 'x'.repeat(MAX_TITLE_LENGTH - 1) })
    assert.deepEqual(decodeServerMessage(encodeServerMessage({ type: 'title', title })), cut)
    const resize = decodeClientMessage(toUtf8('1{"columns":-0,"rows":24}'))
    assert.deepEqual(resize, { type: 'resize', columns: 0, rows: 24 })
  })

  test('a message with one field of a wrong type is refused', () => {
    const broken = ['null', '[]', '"text"', '{}', '-1', '1.5', 'true']
    for (const opcode of ['1', 'P', 'R', 'Z', 'X', 'E']) {
      for (const json of broken) {
        if (opcode === '1') continue
        assert.throws(() => decodeServerMessage(toUtf8(opcode + json)), MalformedMessage, opcode + json)
      }
    }
    for (const json of broken) {
      assert.throws(() => decodeClientMessage(toUtf8(`1${json}`)), MalformedMessage, `1${json}`)
      assert.throws(
        () => decodeClientMessage(toUtf8(`{"columns":${json},"rows":24}`)),
        MalformedMessage,
        json,
      )
    }
    for (const offset of ['', '-1', '01', '1.0', '1e3', ' 1', '9007199254740993', '99999999999999999']) {
      assert.throws(() => decodeClientMessage(toUtf8(`A${offset}`)), MalformedMessage, offset)
      assert.throws(() => decodeServerMessage(toUtf8(`K${offset}`)), MalformedMessage, offset)
    }
  })

  test('a client message over the frame limit is refused before it is looked at', () => {
    const payload = new Uint8Array(MAX_CLIENT_FRAME_BYTES + 1).fill(0x30)
    assert.throws(() => decodeClientMessage(payload), /too large/)
    assert.equal(decodeClientMessage(payload.subarray(1)).type, 'input')
  })

  test('fields that a newer server adds are ignored', () => {
    const payload = toUtf8('Z{"columns":80,"rows":24,"driver":true,"clients":1,"later":{"a":1}}')
    const size = { type: 'size', columns: 80, rows: 24, driver: true, clients: 1 }
    assert.deepEqual(decodeServerMessage(payload), size)
  })

  test('output that splits a character over two frames is passed on byte for byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, at) => {
        const whole = toUtf8(text)
        const cut = whole.length === 0 ? 0 : at % whole.length
        const parts = [whole.subarray(0, cut), whole.subarray(cut)].map((data) => {
          const message = decodeServerMessage(encodeServerMessage({ type: 'output', data }))
          assert.equal(message.type, 'output')
          return message.type === 'output' ? [...message.data] : []
        })
        assert.equal(fromUtf8(Uint8Array.from(parts.flat())), text)
      }),
      RUNS,
    )
  })
})

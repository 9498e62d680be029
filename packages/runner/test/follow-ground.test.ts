import assert from 'node:assert/strict'
import { test } from 'node:test'

import headless from '@xterm/headless'
import fc from 'fast-check'

import { scanGround } from '../src/terminal/ground.ts'

/** The parts of xterm.js that tell whether its parser is between two characters. */
interface ParserInside {
  readonly _core: {
    readonly _inputHandler: {
      readonly _parser: { readonly currentState: number }
      readonly _utf8Decoder: { readonly interim: Uint8Array }
    }
  }
}

const PIECES = [
  'a', 'é', '漢', '🙂', '\r\n', '\t', '\x7f', '\x1b', '\x1b[', '\x1b[1;31m', '\x1b[?25l', '\x1b[>c', '\x1b]2;title\x07',
  '\x1b]0;x\x1b\\', '\x1b]8;;http://x', '\x1bP1$r', '\x1bPq', '\x1b\\', '\x1bX', '\x1b^', '\x1b_G', '\x07', '\x18', '\x1a',
  '\x1b(0', '\x1b(', '\x1b#8', '\x1b7', '\x9b', '\x9d', '\x90', '\x9c', '\x98', ';', '0', 'm', 'ü', '\x85',
] // prettier-ignore

/** Bytes of terminal-like text, cut anywhere. */
const stream = fc
  .array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ maxLength: 3 })), {
    maxLength: 30,
  })
  .chain((pieces) => {
    const bytes = Buffer.from(pieces.join(''))
    return fc.integer({ min: 0, max: bytes.length }).map((end) => bytes.subarray(0, end))
  })

async function inGround(bytes: Uint8Array): Promise<boolean> {
  const terminal = new headless.Terminal({ cols: 80, rows: 24, allowProposedApi: true, logLevel: 'off' })
  await new Promise<void>((resolve) => terminal.write(bytes, resolve))
  const handler = (terminal as unknown as ParserInside)._core._inputHandler
  const ground =
    handler._parser.currentState === 0 && handler._utf8Decoder.interim.every((byte) => byte === 0)
  terminal.dispose()
  return ground
}

test('a place where the stream may be cut is one where the parser of xterm.js is in its ground state', async () => {
  const property = fc.asyncProperty(stream, async (bytes) => {
    const { state, lastGround } = scanGround('ground', bytes)
    if (state === 'ground') assert.ok(await inGround(bytes), JSON.stringify(bytes.toString()))
    if (lastGround > 0) assert.ok(await inGround(bytes.subarray(0, lastGround)))
  })
  await fc.assert(property, { numRuns: 2_000 })
})

test('ordinary text may be cut after each character', () => {
  const bytes = Buffer.from('plain \x1b[1mbold\x1b[0m é 漢 🙂\r\n')
  assert.deepEqual(scanGround('ground', bytes), { state: 'ground', lastGround: bytes.length })
  assert.deepEqual(scanGround('ground', bytes.subarray(0, 8)), { state: 'csi', lastGround: 6 })
})

test('scanning piece by piece is the same as scanning at once', () => {
  const property = fc.property(stream, fc.nat(), (bytes, at) => {
    const cut = bytes.length === 0 ? 0 : at % bytes.length
    const first = scanGround('ground', bytes.subarray(0, cut))
    const second = scanGround(first.state, bytes.subarray(cut))
    const whole = scanGround('ground', bytes)
    assert.equal(second.state, whole.state)
    assert.equal(second.lastGround >= 0 ? cut + second.lastGround : first.lastGround, whole.lastGround)
  })
  fc.assert(property, { numRuns: 1_000 })
})

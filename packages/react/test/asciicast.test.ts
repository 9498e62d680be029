import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasOutput, MAX_PLAYED_BYTES, parseAsciicast, readText } from '../src/core/asciicast.ts'

const HEADER = '{"version":3,"term":{"cols":80,"rows":24}}'

test('header, events, comments and empty lines are read', () => {
  const [header, ...events] = parseAsciicast(`${HEADER}\n# a comment\n[0.5,"o","hi"]\n\n[1,"x","0"]\n`)
  assert.deepEqual(header, { version: 3, term: { cols: 80, rows: 24 } })
  assert.deepEqual(events, [
    [0.5, 'o', 'hi'],
    [1, 'x', '0'],
  ])
})

test('a last line that has no end yet is left out', () => {
  const [, ...events] = parseAsciicast(`${HEADER}\n[0.5,"o","whole"]\n[0.5,"o","cu`)
  assert.deepEqual(events, [[0.5, 'o', 'whole']])
})

test('what is no asciicast is refused with the line that says so', () => {
  const refused: readonly (readonly [text: string, line: number])[] = [
    ['', 1],
    ['<!doctype html>\n', 1],
    ['[]\n', 1],
    ['{"version":1}\n', 1],
    [HEADER, 1],
    [`${HEADER}\n[0.5,"o"]\n`, 2],
    [`${HEADER}\n[0.5,"o","fine"]\n[0.5,"o",{"not":"text"}]\n`, 3],
    [`${HEADER}\n[0.5,"o","fine"]\nnoise\n`, 3],
  ]
  for (const [text, line] of refused) {
    assert.throws(() => parseAsciicast(text), {
      name: 'BadRequestError',
      code: 'RECORDING_UNREADABLE',
      message: `This is not an asciicast of version 2 or 3: line ${line} cannot be read.`,
    })
  }
})

test('only output counts as something to see', () => {
  assert.equal(hasOutput(parseAsciicast(`${HEADER}\n[0.5,"i","typed"]\n[0.5,"o",""]\n[0,"x","0"]\n`)), false)
  assert.equal(hasOutput(parseAsciicast(`${HEADER}\n[0.5,"o","$ "]\n`)), true)
})

test('a text that is too long is given up before it is read', async () => {
  const piece = new Uint8Array(1_048_576)
  let given = 0
  let cancelled = false
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      given += piece.length
      controller.enqueue(piece)
    },
    cancel: () => {
      cancelled = true
    },
  })
  await assert.rejects(readText(endless), { name: 'LimitError', code: 'OUTPUT_TOO_LARGE' })
  assert.ok(cancelled && given < MAX_PLAYED_BYTES + 3 * piece.length)
})

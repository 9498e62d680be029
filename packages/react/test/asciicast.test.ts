import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasOutput, MAX_PLAYED_BYTES, parseAsciicast, readText } from '../src/core/asciicast.ts'

const HEADER = '{"version":3,"term":{"cols":80,"rows":24}}'

test('header, events, comments and empty lines are read, and unknown fields of the header kept', () => {
  const { cast, skipped } = parseAsciicast(
    `\n${HEADER.replace('3', '3,"x-mine":[1]')}\n# a comment\n[0.5,"o","hi"]\n\n  \n[1,"x","0"]\n`,
  )
  const [header, ...events] = cast
  assert.deepEqual(header, { version: 3, 'x-mine': [1], term: { cols: 80, rows: 24 } })
  assert.deepEqual(events, [
    [0.5, 'o', 'hi'],
    [1, 'x', '0'],
  ])
  assert.equal(skipped, null)
})

test('a byte order mark, CRLF and a last line without an end change nothing', () => {
  const { cast, skipped } = parseAsciicast(`\uFEFF${HEADER}\r\n[0.5,"o","one\\r\\n"]\r\n\r\n[1,"o","two"]`)
  assert.deepEqual(cast.slice(1), [
    [0.5, 'o', 'one\r\n'],
    [1, 'o', 'two'],
  ])
  assert.equal(skipped, null)
})

test('what is not understood is left out and counted, and its time stays', () => {
  const lines = [
    '[0.5,"o","a"]',
    'noise',
    '[2,"z",{"new":1}]',
    '[1,"o",7]',
    '[-1,"o","b"]',
    '[1,"o","c"]',
    '[0.5,"o","cu',
  ]
  const { cast, skipped } = parseAsciicast(`${HEADER}\n${lines.join('\n')}`)
  assert.deepEqual(cast.slice(1), [
    [0.5, 'o', 'a'],
    [2, 'o', ''],
    [1, 'o', 'c'],
  ])
  assert.deepEqual(skipped, { count: 5, firstLine: 3, isCut: true })
  assert.deepEqual(parseAsciicast(`${HEADER}\n[0.5,"o`).skipped, { count: 1, firstLine: 2, isCut: true })
})

test('what is no asciicast is refused with the line that says so', () => {
  const refused: readonly (readonly [text: string, line: number])[] = [
    ['', 1],
    ['<!doctype html>\n', 1],
    ['[]\n', 1],
    ['{"version":1}\n', 1],
    ['\n\n[0.5,"o","no header"]\n', 3],
    [`${HEADER}\n[0.5,"o"]\n`, 2],
    [`${HEADER}\n\nnoise\nnoise\n`, 3],
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
  assert.equal(
    hasOutput(parseAsciicast(`${HEADER}\n[0.5,"i","typed"]\n[0.5,"o",""]\n[0,"x","0"]\n`).cast),
    false,
  )
  assert.equal(hasOutput(parseAsciicast(`${HEADER}\n[0.5,"o","$ "]\n`).cast), true)
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

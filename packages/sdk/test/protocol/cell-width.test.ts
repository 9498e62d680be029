import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CellWidths, withEmojiWidths } from '../../src/protocol/index.ts'

/** One cell for everything but what joins. */
const PLAIN: CellWidths = {
  version: 'plain',
  wcwidth: () => 1,
  charProperties: (codepoint, preceding) =>
    codepoint === 0xfe0f || codepoint === 0x20e3 || codepoint === 0x301 ? (preceding & 6) | 1 : 1 << 1,
}

/** Cells of a text, as xterm adds them up. */
function cells(text: string): number {
  const widths = withEmojiWidths(PLAIN)
  let all = 0
  let before = 0
  for (const character of text) {
    const properties = widths.charProperties(character.codePointAt(0) ?? 0, before)
    all += ((properties >> 1) & 3) - ((properties & 1) === 1 ? (before >> 1) & 3 : 0)
    before = properties
  }
  return all
}

test('a character that U+FE0F makes an emoji takes two cells, with whatever joins it after that', () => {
  for (const text of ['❤️', '☺️', '⚠️', '▶️', '✔️', '©️', '🌡️', '#️⃣', '*️⃣', '1️⃣', '㊙️'])
    assert.equal(cells(text), 2, text)
  assert.equal(cells('a❤️b1️⃣c'), 7)
})

test('nothing else is wider for U+FE0F: neither text, nor what is no emoji, nor one that stands behind an accent', () => {
  for (const text of ['❤', '1', 'a\u{fe0f}', '漢\u{fe0f}', '!\u{fe0f}', '❤\u{301}\u{fe0f}', '\u{fe0f}'])
    assert.equal(cells(text), text === '\u{fe0f}' ? 0 : 1, text)
})

test('what a program repeats is counted anew each time', () => {
  assert.equal(cells('❤️❤❤️'), 5)
})

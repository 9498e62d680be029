import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { clipboardText, MAX_CLIPBOARD_BYTES } from '../src/core/clipboard.ts'
import { webAddress } from '../src/core/links.ts'
import { cleanPaste, LARGE_PASTE_LENGTH, needsConfirmation, pasteRequest } from '../src/core/paste.ts'

test('whatever is pasted, no control character but tab and line ends is left', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const allowed = Array.from(cleanPaste(text)).every((character) => {
        const code = character.codePointAt(0) ?? 0
        return code === 9 || code === 10 || code === 13 || (code >= 32 && !(code >= 127 && code <= 159))
      })
      assert.ok(allowed)
    }),
  )
})

test('a paste cannot end its own bracket', () => {
  assert.equal(cleanPaste('a\u001B[201~; rm -rf ~\n'), 'a; rm -rf ~\n')
  assert.equal(cleanPaste('a\u001B\u001B[201~[201~b'), 'a[201~b')
  assert.equal(cleanPaste('\u009B201~x'), 'x')
})

test('text without control characters is pasted as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      // eslint-disable-next-line no-control-regex -- control characters are the subject
      fc.pre(!/[\u0000-\u001F\u007F-\u009F]/.test(text))
      assert.equal(cleanPaste(text), text)
    }),
  )
})

test('several lines are asked about unless the program can tell them from typing, large ones always', () => {
  const asks = (text: string, bracketed: boolean) => {
    const request = pasteRequest(text, bracketed)
    return request !== undefined && needsConfirmation(request)
  }
  assert.equal(asks('one line\n', false), false)
  assert.equal(asks('two\nlines', false), true)
  assert.equal(asks('two\nlines', true), false)
  assert.equal(asks('x'.repeat(LARGE_PASTE_LENGTH + 1), true), true)
  assert.equal(pasteRequest('\u001B', true), undefined)
})

test('a clipboard write is taken, a read, another selection and what is too large is not', () => {
  assert.equal(clipboardText(`c;${btoa('hi')}`), 'hi')
  assert.equal(clipboardText(`;${btoa('hi')}`), 'hi')
  assert.equal(clipboardText('c;?'), undefined)
  assert.equal(clipboardText('x;aGk='), undefined)
  assert.equal(clipboardText('c;not base64!'), undefined)
  assert.equal(clipboardText('aGk='), undefined)
  assert.equal(clipboardText(`c;${btoa('x'.repeat(MAX_CLIPBOARD_BYTES + 1))}`), undefined)
})

test('only web addresses are links', () => {
  assert.equal(webAddress('https://example.org/a'), 'https://example.org/a')
  for (const target of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', 'nothing']) {
    assert.equal(webAddress(target), undefined)
  }
})

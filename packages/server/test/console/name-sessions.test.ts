import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  commandLine,
  givenName,
  lineText,
  plainText,
  sessionTag,
} from '../../console/src/parts/session-name.ts'
import { readableName } from '../../console/src/state/readable-name.ts'

test('text of strangers becomes one line without anything that hides or turns the text around it', () => {
  assert.equal(plainText(' a\n\tb\u0000\u001B[31mc  d '), 'a b[31mc d')
  assert.equal(plainText('to\u202Egnp.exe\u2066x\u2069\u200E\u061C'), 'tognp.exex')
  assert.equal(plainText('de\u200Bploy\u00AD\uFEFF\u{E0041}\uD800'), 'deploy')
  assert.equal(plainText('\u{1F469}\u200D\u{1F4BB} \u2764\uFE0F'), '\u{1F469}\u200D\u{1F4BB} \u2764\uFE0F')
  const hides = /[\p{Cc}\p{Cs}\u061C\u200B\u200E\u200F\u202A-\u202E\u2060-\u206F\uFEFF]/u
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.doesNotMatch(plainText(text), hides)
    }),
  )
})

test('what is long is cut between characters and says that there is more', () => {
  assert.equal(plainText('x'.repeat(10_000)), `${'x'.repeat(1_000)}…`)
  assert.equal(lineText('x'.repeat(120)), 'x'.repeat(120))
  const cut = lineText(`${'x'.repeat(119)}\u{1F600}\u{1F600}`)
  assert.equal(cut, `${'x'.repeat(119)}…`)
})

test('a name that nobody sees is none', () => {
  for (const name of ['', '  ', '\u200B', '\u3164', '\u2800\u2800', '\u200D', '\u0301', '\u202E\n']) {
    assert.equal(givenName({ metadata: { name } }), undefined, JSON.stringify(name))
  }
  assert.equal(givenName({ metadata: {} }), undefined)
  assert.equal(givenName({ metadata: { name: ' build ' } }), 'build')
})

test('a command is shown as it was typed, on one line, however long and whatever it holds', () => {
  assert.equal(commandLine({ command: '/usr/bin/env', args: ['node', '-e', 'a\nb'] }), 'env node -e a b')
  const long = commandLine({ command: 'sh', args: Array.from({ length: 256 }, () => 'y'.repeat(1_000)) })
  assert.equal(long.length, 1_001)
  assert.equal(commandLine({ command: '\u200B', args: [] }), 'command without a name')
})

test('a session is marked by the end of its id', () => {
  assert.equal(sessionTag({ id: 'ses_0123456789abcdefABCDEF' }), 'ABCDEF')
})

test('a readable name is none of those that are taken, even when all pairs are', () => {
  const taken = new Set<string>()
  for (let count = 0; count < 8_000; count += 1) {
    const name = readableName(taken)
    assert.match(name, /^[a-z]+-[a-z]+(-\d+)?$/)
    assert.ok(!taken.has(name))
    taken.add(name)
  }
})

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

import fc from 'fast-check'

import { hasTornCharacter } from './support/describe-terminal.ts'
import { assertSame, assertSameAnywhere, bothClients } from './support/snapshot-clients.ts'

const SIZE = { columns: 40, rows: 12, scrollbackLines: 50 }

/** What real programs put out in a terminal of this size. */
const FIXTURES = new URL('fixtures/', import.meta.url)
const FIXTURE_SIZE = { columns: 80, rows: 24, scrollbackLines: 100 }

const STATES: readonly (readonly [what: string, bytes: string])[] = [
  ['text and colours', 'plain \x1b[1;31mred\x1b[38;5;200mpalette\x1b[48;2;1;2;3mrgb\x1b[0m\r\nnext'],
  ['mouse tracking with SGR encoding', '\x1b[?1002h\x1b[?1006h'],
  ['mouse tracking with pixels', '\x1b[?1003h\x1b[?1016h'],
  ['a scroll region', 'a\r\nb\r\nc\x1b[3;8r\x1b[5;7Hhere'],
  ['a hidden cursor', 'x\x1b[?25l'],
  ['a cursor style', 'x\x1b[5 q'],
  ['a steady bar', 'x\x1b[6 q'],
  ['a title', '\x1b]2;a title – with dash\x07text'],
  ['tab stops', '\x1b[3g\x1b[1;5H\x1bH\x1b[1;11H\x1bHa\tb'],
  ['no tab stops at all', '\x1b[3gx'],
  ['line drawing', '\x1b(0lqk\x1b(B text \x1b)0\x0e'],
  ['a saved cursor', '\x1b[4;9H\x1b[32m\x1b7\x1b[0m\x1b[8;3Hhere'],
  ['a cursor that was saved past the last column', `${'x'.repeat(40)}\x1b7\x1b[5;5Hy`],
  ['origin mode', '\x1b[3;8r\x1b[?6h\x1b[2;4Hx'],
  ['a cursor past the last column', 'x'.repeat(40)],
  ['a cursor past the last column with a scroll region', `\x1b[2;9r\x1b[4;1H${'x'.repeat(40)}`],
  ['the alternate screen', 'shell\r\n$ vi\x1b[31m\x1b[?1049h\x1b[2J\x1b[3;3Hin vi\x1b[?1h\x1b='],
  ['insert mode and no wrap', '\x1b[4h\x1b[?7labc'],
  ['wide and joined characters', '漢字 e\u0301 👩‍👩‍👧 ü\r\n'],
  ['emoji that are text without their second character', 'a❤️b 1️⃣c ✔️ ❤x\r\n'],
  ['an emoji that becomes wide in the last column', `${'x'.repeat(39)}❤️y`],
  ['bracketed paste and focus', '\x1b[?2004h\x1b[?1004h'],
  ['scrollback', Array.from({ length: 90 }, (_, i) => `line ${i}`).join('\r\n')],
  ['wrapped lines', 'word '.repeat(60)],
  ['a wrapped line whose beginning was erased', `${'x'.repeat(45)}\x1b[A\x1b[2K\x1b[B`],
  ['a wrapped line whose end was erased', `\x1b[44m${'x'.repeat(85)}\x1b[A\x1b[40G\x1b[K\x1b[B`],
  ['a wide character that did not fit', `${'x'.repeat(39)}漢字`],
  [
    'underlines and their colours',
    '\x1b[4:3mcurly\x1b[58:2::1:2:3mred\x1b[58:5:9m\x1b[4:5mdash\x1b[0m \x1b[4mplain',
  ],
  ['coloured emptiness', '\x1b[44m\x1b[2J\x1b[3;3Hblue'],
]

for (const [what, bytes] of STATES) {
  test(`a snapshot keeps ${what}`, async () => {
    assertSame(await bothClients(Buffer.from(bytes), SIZE))
  })
}

test('what a program draws after a snapshot looks the same as without one', async () => {
  const PIECES = [
    'text', '漢', '\r\n', '\n', '\t', '\b', '\x1b[A', '\x1b[10C', '\x1b[K', '\x1b[1J', '\x1b[2J', '\x1b[L', '\x1b[2M', '\x1b[3P',
    '\x1b[2@', '\x1b[3X', '\x1b[3;8r', '\x1b[r', '\x1b7', '\x1b8', '\x1b[5;5H', '\x1b[1m', '\x1b[31m', '\x1b[44m', '\x1b[7m',
    '\x1b[0m', '\x1b[?25l', '\x1b[?25h', '\x1b[?1006h', '\x1b[?1000h', '\x1bM', '\x1bD',
    '\x1b[?7l', '\x1b[?7h', '\x1b[4 q', '\x1bH', 'x'.repeat(45), '\x1b[S', '\x1b[?2004h', '\x1b]2;t\x07',
  ] // prettier-ignore
  const program = fc
    .array(fc.constantFrom(...PIECES), { maxLength: 40 })
    .map((pieces) => Buffer.from(pieces.join('')))
  const property = fc.asyncProperty(program, program, async (before, after) => {
    const clients = await bothClients(before, SIZE)
    fc.pre(!hasTornCharacter(clients.original.terminal))
    assertSame(clients)
    await clients.original.write(after)
    await clients.copy.write(after)
    // Where the first row began as the rest of a line that is gone, no snapshot can say so.
    assertSame(clients, false)
  })
  await fc.assert(property, { numRuns: 300 })
})

test('a wide character that an insertion tore leaves a blank, and nothing moves', async () => {
  const clients = await bothClients(Buffer.from('漢\b\x1b[2@ \x1b[10Gend'), SIZE)
  assert.ok(hasTornCharacter(clients.original.terminal))
  assert.equal(clients.copy.terminal.buffer.active.getLine(0)?.translateToString(true), ' '.repeat(9) + 'end')
})

for (const name of readdirSync(FIXTURES)) {
  test(`a snapshot anywhere in ${name} looks like the original, then and at the end`, async () => {
    await assertSameAnywhere(readFileSync(new URL(name, FIXTURES)), FIXTURE_SIZE)
  })
}

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'

import { scanGround } from '../src/terminal/ground.ts'
import { History } from '../src/terminal/history.ts'
import { Screen } from '../src/terminal/screen.ts'
import { Shelf } from '../src/terminal/shelf.ts'
import { waitFor } from './support/wait-for.ts'

const FIXTURES = new URL('fixtures/', import.meta.url)
const SIZE = { columns: 80, rows: 24, scrollbackLines: 100 }
const HISTORY = { ...SIZE, ringBytes: 524_288, quietMs: 50 }

/** Text that overflows the ring, so that the screen holds what the ring has lost. */
function flood(lines: number): Buffer {
  const text = Array.from(
    { length: lines },
    (_, i) => `\x1b[3${i % 8}mline ${i} 漢字\x1b[0m ${'x'.repeat(40)}`,
  )
  return Buffer.from(`${text.join('\r\n')}\r\n\x1b7`)
}

async function fill(history: History, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 16_384) {
    await waitFor('room', () => !history.full)
    history.append(bytes.subarray(at, at + 16_384))
  }
}

/** Compares without printing two whole screens. */
function assertSameText(actual: string | Buffer, expected: string): void {
  const text = actual.toString()
  const from = text.split('').findIndex((char, i) => char !== expected[i])
  assert.ok(
    text === expected,
    `differs from ${from} on: ${JSON.stringify([text, expected].map((it) => it.slice(from, from + 80)))}`,
  )
}

async function plainSnapshot(bytes: Uint8Array): Promise<string> {
  const screen = new Screen(SIZE)
  await screen.write(bytes)
  return screen.serialize()
}

for (const name of readdirSync(FIXTURES)) {
  test(`a screen that is put away and taken again anywhere in ${name} goes on as if it had stayed`, async () => {
    const recording = readFileSync(new URL(name, FIXTURES))
    for (let part = 1; part <= 8; part++) {
      const wanted = Math.floor((recording.length * part) / 8)
      const cut = Math.max(0, scanGround('ground', recording.subarray(0, wanted)).lastGround)
      const shelf = new Shelf(SIZE)
      await (await shelf.take()).write(recording.subarray(0, cut))
      assert.ok(await shelf.put())
      const screen = await shelf.take()
      assertSameText(await screen.serialize(), await plainSnapshot(recording.subarray(0, cut)))
      await screen.write(recording.subarray(cut))
      assertSameText(await screen.serialize(), await plainSnapshot(recording))
    }
  })
}

test('a history without output for a while holds no emulator, and still gives the same snapshot', async () => {
  const history = new History(HISTORY, () => {})
  const bytes = flood(20_000)
  await fill(history, bytes)
  const expected = await plainSnapshot(bytes)
  // It may have rested in the middle of the flood already, with the end of it still to be read.
  await history.snapshot()
  await waitFor('the rest', () => history.resting)
  const { data, offset } = await history.snapshot()
  assertSameText(data, expected)
  assert.equal(offset, bytes.length)
  assert.equal(history.resting, true)
  history.dispose()
})

test('output and a new size after the rest are in the next snapshot', async () => {
  const history = new History(HISTORY, () => {})
  await fill(history, flood(20_000))
  await waitFor('the rest', () => history.resting)
  history.resized(100, 30)
  history.append(Buffer.from('\x1b[1mafter the rest'))
  const screen = new Screen(SIZE)
  await screen.write(flood(20_000))
  screen.resize(100, 30)
  await screen.write(Buffer.from('\x1b[1mafter the rest'))
  assertSameText((await history.snapshot()).data, await screen.serialize())
  await waitFor('the next rest', () => history.resting)
  assertSameText((await history.snapshot()).data, await screen.serialize())
  history.dispose()
})

test('a screen that had to stay because a sequence was unfinished is put away once it is finished', async () => {
  const history = new History(HISTORY, () => {})
  await fill(history, Buffer.concat([flood(20_000), Buffer.from(`\x1b]2;${'t'.repeat(400_000)}`)]))
  await history.snapshot()
  // Timers run in their order: the one that this snapshot set has run when a later one has.
  const restedBy = performance.now() + 5 * HISTORY.quietMs
  await waitFor('a rest in the middle', () => performance.now() > restedBy)
  assert.equal(history.resting, false)
  history.append(Buffer.from(' title\x07end'))
  await waitFor('the rest', () => history.resting)
  assert.match((await history.snapshot()).data.toString(), /end/)
  history.dispose()
})

test('a screen is not put away in the middle of a sequence', async () => {
  const history = new History(HISTORY, () => {})
  await fill(history, Buffer.concat([flood(20_000), Buffer.from(`\x1b]2;${'t'.repeat(400_000)}`)]))
  await history.snapshot()
  history.append(Buffer.from(' title\x07end'))
  await waitFor('the rest', () => history.resting)
  assert.match((await history.snapshot()).data.toString(), /end/)
  history.dispose()
})

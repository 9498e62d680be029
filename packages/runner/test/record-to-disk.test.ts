import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { createLog } from '../src/log.ts'
import { Recorder, type RecorderOptions } from '../src/recording/recorder.ts'
import { dataOf, readCast } from './support/read-cast.ts'
import { waitFor } from './support/wait-for.ts'

const EXIT = { code: 0, signal: null, reason: 'exited' } as const

function newRecorder(t: TestContext, over: Partial<RecorderOptions> = {}): Recorder {
  const folder = mkdtempSync(join(tmpdir(), 'rec-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return new Recorder({
    order: { mode: 'output', maxBytes: 67_108_864 },
    path: join(folder, 'a.cast'),
    columns: 80,
    rows: 24,
    type: 'xterm',
    title: 'sh',
    log: createLog('silent', {}),
    room: () => {},
    ...over,
  })
}

test('output that comes faster than the disk takes it is told to wait, and goes on when there is room', async (t) => {
  let rooms = 0
  const recorder = newRecorder(t, { room: () => (rooms += 1) })
  const line = Buffer.from('x'.repeat(4_000))
  let lines = 0
  for (; !recorder.full; lines += 1) recorder.output(line)
  assert.ok(lines * line.length >= 1_000_000 && lines * line.length < 2_000_000)
  await waitFor('room', () => rooms > 0)
  assert.equal(recorder.full, false)
  recorder.output(Buffer.from('and on'))
  await recorder.end(EXIT)
  assert.equal(recorder.state, 'complete')
  const text = readFileSync(recorder.path, 'utf8')
  assert.equal(Buffer.byteLength(text), recorder.writtenBytes)
  assert.equal(dataOf(readCast(text), 'o'), `${'x'.repeat(4_000 * lines)}and on`)
})

test('what is written is a whole line at every moment, and is there within a second', async (t) => {
  const recorder = newRecorder(t)
  recorder.output(Buffer.from('first'))
  const started = performance.now()
  await waitFor('the file', () => recorder.writtenBytes > 0)
  assert.ok(performance.now() - started < 1_000)
  for (let i = 0; i < 2_000; i += 1) {
    recorder.output(Buffer.from(`${i} ${'y'.repeat(i % 700)}`))
    if (i % 50 !== 0) continue
    await recorder.flush()
    readCast(readFileSync(recorder.path, 'utf8').slice(0, recorder.writtenBytes))
  }
  await recorder.end(EXIT)
})

test('sizes before the beginning are the header, and nothing follows the end', async (t) => {
  const recorder = newRecorder(t)
  recorder.resize({ columns: 100, rows: 50 })
  recorder.begin()
  recorder.resize({ columns: 120, rows: 40 })
  recorder.output(Buffer.from([0xe4, 0xb8]))
  const ending = recorder.end(EXIT)
  recorder.output(Buffer.from('too late'))
  recorder.resize({ columns: 1, rows: 1 })
  await Promise.all([ending, recorder.end({ ...EXIT, code: 9 })])
  const { head, events } = readCast(readFileSync(recorder.path, 'utf8'))
  assert.deepEqual(head.term, { cols: 100, rows: 50, type: 'xterm' })
  assert.deepEqual(
    events.map(([, code, data]) => [code, data]),
    [
      ['r', '120x40'],
      ['o', '\ufffd'],
      ['x', '0'],
    ],
  )
})

test('an end by a signal is told as a shell tells it', async (t) => {
  const recorder = newRecorder(t)
  await recorder.end({ code: null, signal: 'SIGKILL', reason: 'killed' })
  const { events } = readCast(readFileSync(recorder.path, 'utf8'))
  assert.deepEqual(events.at(-1)?.slice(1), ['x', '137'])
  const never = newRecorder(t)
  await never.end({ code: null, signal: null, reason: 'killed' })
  assert.deepEqual(readCast(readFileSync(never.path, 'utf8')).events, [])
})

import assert from 'node:assert/strict'
import { pbkdf2 } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { createLog } from '../src/log.ts'
import { Recorder, type RecorderOptions } from '../src/recording/recorder.ts'
import { RecordingFile } from '../src/recording/recording-file.ts'
import { Terminal } from '../src/terminal/terminal.ts'
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

test('there is room again also when it became full while the disk was at work', async (t) => {
  let rooms = 0
  const folder = mkdtempSync(join(tmpdir(), 'rec-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = new RecordingFile(join(folder, 'a.cast'), { room: () => (rooms += 1), failed: assert.ifError })
  file.append('open\n')
  await file.flush()
  const half = `${'x'.repeat(600_000)}\n`
  file.append(half)
  const first = file.flush()
  // What waits is taken in a microtask; the disk's answer needs a turn of the event loop.
  for (let n = 0; n < 10; n += 1) await Promise.resolve()
  file.append(half)
  assert.equal(file.full, true)
  await first
  await file.flush()
  assert.deepEqual([file.full, rooms], [false, 1])
  await file.close()
})

test('a program that prints faster than the disk takes it waits for the disk, and loses nothing', async (t) => {
  // Node writes files on a few threads. While these are busy with something else, the disk stands still.
  let busy = 16
  const heads: number[] = []
  for (let i = 0; i < 16; i += 1) {
    pbkdf2('x', 'y', 400_000, 64, 'sha512', () => {
      busy -= 1
      heads.push(terminal.history.ring.head)
    })
  }
  const recorder = newRecorder(t, { room: () => terminal.gate() })
  const events = { output: () => {}, exited: () => {}, resized: () => {}, activity: () => {} }
  const size = { columns: 80, rows: 24, ringBytes: 33_554_432, scrollbackLines: 100 }
  const terminal = new Terminal(size, events, recorder)
  terminal.start({
    launch: { file: '/usr/bin/yes', args: [] },
    env: {},
    cwd: '/',
    marker: 'RECORD_TO_DISK=1',
  })
  await waitFor('the recorder to be full', () => recorder.full)
  const heldAt = terminal.history.ring.head
  assert.ok(busy > 4, 'the disk stands still')
  await waitFor('the disk to go on', () => busy <= 4)
  const during = heads.slice(0, 8)
  assert.ok(
    during.every((head) => head <= heldAt + 131_072),
    `held at ${heldAt}, then ${during.join()}`,
  )
  await waitFor('the program to go on', () => terminal.history.ring.head > 2 * heldAt)
  await terminal.terminate(0)
  const total = terminal.history.ring.head
  await recorder.end(EXIT)
  const text = dataOf(readCast(readFileSync(recorder.path, 'utf8')), 'o')
  assert.ok(text.length >= total && /^(y\r\n)*y?\r?$/.test(text.slice(0, 30_000)))
  terminal.close()
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
  await recorder.end({ code: 137, signal: 'SIGKILL', reason: 'killed' })
  const { events } = readCast(readFileSync(recorder.path, 'utf8'))
  assert.deepEqual(events.at(-1)?.slice(1), ['x', '137'])
  const never = newRecorder(t)
  await never.end({ code: null, signal: null, reason: 'killed' })
  assert.deepEqual(readCast(readFileSync(never.path, 'utf8')).events, [])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CREDIT_WINDOW_BYTES, TTY_SUBPROTOCOL } from '@cliscale/sdk/protocol'

import { startRunner, type TestRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

/** The runner sends no smaller piece only because the window is nearly full. */
const LEAST_PIECE_BYTES = 4_096

/** Waits until the runner has read nothing more for a while, and returns how much it has read. */
async function settled(runner: TestRunner): Promise<number> {
  let last = -1
  let since = performance.now()
  return waitFor('the output to stop', async () => {
    const { outputOffset } = await runner.status()
    if (outputOffset !== last) since = performance.now()
    last = outputOffset
    return performance.now() - since > 300 && outputOffset
  })
}

test('a driver that parses nothing stops the program after one window; credit lets it go on', async (t) => {
  const flood = await startRunner(t)
  await flood.assignScript('read go; yes')
  const driver = await flood.connect({ autoCredit: false })
  await driver.attached()
  driver.type('\r')
  const first = await settled(flood)
  assert.ok(first >= CREDIT_WINDOW_BYTES && first < CREDIT_WINDOW_BYTES + 131_072, `${first}`)
  await waitFor('the window to be full', () => driver.offset > CREDIT_WINDOW_BYTES - LEAST_PIECE_BYTES)
  assert.ok(driver.offset <= CREDIT_WINDOW_BYTES)
  driver.credit()
  assert.ok((await settled(flood)) >= 2 * CREDIT_WINDOW_BYTES - LEAST_PIECE_BYTES)
})

test('Ctrl-C during yes gives the prompt back at once', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'bash', args: ['--norc', '--noprofile'], env: { PS1: 'prompt> ' } })
  let tail = ''
  let bytes = 0
  const onOutput = (data: Uint8Array): void => {
    bytes += data.length
    tail = (tail + Buffer.from(data).toString()).slice(-200)
  }
  const terminal = await runner.connect({ onOutput })
  await waitFor('the prompt', () => tail.includes('prompt> '))
  terminal.type('yes\r')
  await waitFor('a flood', () => bytes > 3_000_000)
  const before = bytes
  const pressed = performance.now()
  terminal.type('\x03')
  await waitFor('the prompt', () => tail.endsWith('prompt> '))
  const ms = performance.now() - pressed
  t.diagnostic(`prompt after ${ms.toFixed(0)} ms and ${bytes - before} bytes`)
  assert.ok(ms < 1_000, `${ms} ms`)
})

test('nobody attached never holds up the job; who comes then gets the screen', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('seq 1 400000; echo the-end; sleep 1000')
  await waitFor('the job to have written all', async () => (await runner.status()).outputOffset > 2_800_000)
  await settled(runner)
  const terminal = await runner.connect()
  const ready = await terminal.attached()
  assert.equal(ready.mode, 'snapshot')
  await waitFor('the snapshot', () => Buffer.concat(terminal.snapshot).length >= ready.replayBytes)
  const snapshot = Buffer.concat(terminal.snapshot).toString()
  assert.equal(Buffer.byteLength(snapshot), ready.replayBytes)
  assert.match(snapshot, /399999\r\n400000\r\nthe-end/)
})

test('a resume from beyond the ring is a snapshot that says what was lost', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('echo start; read go; seq 1 400000; echo the-end; sleep 1000')
  const first = await runner.connect()
  const { epoch } = await first.attached()
  await first.shows('start')
  const { offset } = first
  first.type('\r')
  await first.close(1001)
  await waitFor('the job to have written all', async () => (await runner.status()).outputOffset > 2_800_000)
  const again = await runner.connect({ client: first.client, resume: { epoch, offset } })
  const ready = await again.attached()
  assert.equal(ready.mode, 'snapshot')
  assert.equal(ready.truncatedFrom, offset)
})

test('a slow observer slows nobody and is brought up to date by a snapshot', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('read go; seq 1 1000000; echo the-end; sleep 1000')
  const observer = await runner.connect({ role: 'observer', autoCredit: false })
  await observer.attached()
  let bytes = 0
  let tail = ''
  const driver = await runner.connect({
    onOutput: (data) => {
      bytes += data.length
      tail = (tail + Buffer.from(data).toString()).slice(-100)
    },
  })
  await driver.attached()
  driver.type('\r')
  await waitFor('the driver to have everything', () => tail.includes('the-end'), 20_000)
  assert.ok(bytes > 7_000_000)
  assert.ok(observer.offset <= CREDIT_WINDOW_BYTES)
  observer.credit()
  const ready = await waitFor('the snapshot', () =>
    observer.messages.find((message) => message.type === 'ready' && message.mode === 'snapshot'),
  )
  assert.ok(ready.type === 'ready' && ready.offset === driver.offset)
  await waitFor('its bytes', () => Buffer.concat(observer.snapshot).includes('the-end'))
})

test('a stalled tty client is held by its socket, and loses nothing', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('read go; seq 1 3000000')
  let bytes = 0
  const terminal = await runner.connect({
    protocol: TTY_SUBPROTOCOL,
    onOutput: (data) => (bytes += data.length),
  })
  await waitFor('the title', () => terminal.messages.length > 0)
  terminal.type('\r')
  await waitFor('some output', () => bytes > 10_000)
  terminal.socket.pause()
  const held = await settled(runner)
  assert.ok(held < 12_000_000, `${held} bytes were read for a client that reads nothing`)
  terminal.socket.resume()
  await waitFor('the close', () => terminal.closed, 30_000)
  // seq puts out 22,888,896 bytes; the terminal adds one to each line. The echo of the return is two.
  assert.equal(bytes, 22_888_896 + 3_000_000 + 2)
})

test('PAUSE stops a tty client’s output and RESUME goes on without a gap', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('read go; seq 1 1000000')
  let bytes = 0
  const terminal = await runner.connect({
    protocol: TTY_SUBPROTOCOL,
    onOutput: (data) => (bytes += data.length),
  })
  await waitFor('the title', () => terminal.messages.length > 0)
  terminal.send({ type: 'pause' })
  terminal.type('\r')
  const held = await settled(runner)
  assert.equal(bytes, 0)
  assert.ok(held < CREDIT_WINDOW_BYTES + 131_072, `${held}`)
  terminal.send({ type: 'resume' })
  await waitFor('the close', () => terminal.closed, 20_000)
  assert.equal(bytes, 6_888_896 + 1_000_000 + 2)
})

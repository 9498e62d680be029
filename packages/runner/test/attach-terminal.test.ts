import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

test('output that no driver has seen yet is not a replay, so that its questions are answered', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(`printf '\\033[c'; read answer; sleep 100`)
  await waitFor('the question', async () => (await runner.status()).outputOffset > 0)
  const driver = await runner.connect()
  const ready = await driver.attached()
  assert.deepEqual([ready.mode, ready.offset, ready.replayBytes], ['fresh', 0, 0])
  await driver.shows('\x1b[c')
  const observer = await runner.connect({ role: 'observer' })
  assert.ok((await observer.attached()).replayBytes > 0, 'for an observer it is')
  driver.cut()
  const again = await runner.connect()
  assert.ok((await again.attached()).replayBytes > 0, 'and for everybody once it was answered')
})

test('a resume sends exactly what is missing', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const client = randomUUID()
  const first = await runner.connect({ client })
  const { epoch } = await first.attached()
  first.type('one\r')
  await first.shows('one\r\none\r\n')
  const { offset } = first
  first.cut()
  const other = await runner.connect({ role: 'driver' })
  await other.attached()
  other.type('two\r')
  await other.shows('two\r\ntwo\r\n')
  const again = await runner.connect({ client, resume: { epoch, offset } })
  const ready = await again.attached()
  assert.deepEqual([ready.mode, ready.offset, ready.replayBytes], ['delta', offset, 10])
  await again.shows('two\r\ntwo\r\n')
  assert.equal(again.text, 'two\r\ntwo\r\n')
})

test('a resume comes in one piece: ready, size and what is missing', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const first = await runner.connect()
  const { epoch } = await first.attached()
  first.type('one\r')
  await first.shows('one\r\none\r\n')
  const terminal = await runner.connect({ resume: { epoch, offset: 5 }, hello: false })
  assert.equal(terminal.reads, 0)
  terminal.say()
  await terminal.shows('one\r\n')
  assert.deepEqual([terminal.reads, terminal.opcodes.length], [1, 3], terminal.opcodes)
})

test('a resume of another runner’s life starts afresh', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('echo hello; sleep 100')
  const terminal = await runner.connect({ resume: { epoch: 'another', offset: 5 }, input: 77 })
  const ready = await terminal.attached()
  assert.equal(ready.mode, 'fresh')
  assert.equal(ready.inputOffset, 77)
  await terminal.shows('hello')
})

test('characters that are cut between reads and messages arrive whole', async (t) => {
  const runner = await startRunner(t)
  const line = '漢字🙂é'.repeat(10)
  await runner.assignScript(`read go; i=0; while [ $i -lt 2000 ]; do printf '${line}'; i=$((i+1)); done`)
  const terminal = await runner.connect()
  await terminal.attached()
  terminal.type('\r')
  await terminal.exited(30_000)
  assert.equal(terminal.text, `\r\n${line.repeat(2_000)}`)
})

test('a full-screen program is told to draw itself anew after a snapshot', async (t) => {
  const runner = await startRunner(t)
  const script = [
    `printf '\\033[?1049h'`,
    'seq 1 40000',
    `trap 'echo "drawn at $(stty size)"' WINCH`,
    'echo ready',
    'while :; do sleep 0.02; done',
  ].join('\n')
  await runner.assignScript(script)
  await waitFor('the program to be ready', async () => (await runner.status()).outputOffset >= 268_909)
  const terminal = await runner.connect()
  const ready = await terminal.attached()
  assert.equal(ready.mode, 'snapshot')
  await terminal.shows('drawn at 24 80')
})

test('a heartbeat comes back as it was sent', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const terminal = await runner.connect()
  await terminal.attached()
  terminal.send({ type: 'heartbeat', data: Buffer.from('12345') })
  assert.deepEqual(Buffer.from((await terminal.message('heartbeat')).data).toString(), '12345')
})

test('a client that says nothing is refused in the end', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const terminal = await runner.connect({ hello: false })
  const { code } = await waitFor('the close', () => terminal.closed, 15_000)
  assert.equal(code, 4408)
  assert.equal((await terminal.message('error')).error.code, 'HANDSHAKE_TIMEOUT')
})

test('the first byte of output leaves without waiting for more', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('stty raw -echo; echo go; cat')
  const terminal = await runner.connect()
  await terminal.shows('go')
  const times: number[] = []
  for (let i = 0; i < 50; i++) {
    const before = terminal.offset
    const started = performance.now()
    terminal.type('x')
    while (terminal.offset === before) await new Promise((resolve) => setImmediate(resolve))
    times.push(performance.now() - started)
  }
  times.sort((a, b) => a - b)
  t.diagnostic(`echo p50 ${times[25]!.toFixed(2)} ms, fastest ${times[0]!.toFixed(2)} ms`)
  assert.ok(times[0]! < 5)
})

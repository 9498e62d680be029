import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { test } from 'node:test'

import type { RawTerminal } from './support/raw-terminal.ts'
import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const TOTAL = 400_000
/** No byte that a terminal in raw mode would treat as more than a byte. */
const INPUT = Buffer.from(Array.from({ length: TOTAL }, (_, i) => 33 + ((i * 7 + (i >> 8)) % 90)))

test(
  'input arrives exactly once and in order over connections cut at random',
  { timeout: 60_000 },
  async (t) => {
    const runner = await startRunner(t)
    await runner.assignScript(`stty raw -echo; echo go; head -c ${TOTAL} | sha256sum`)
    let seed = 11
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    const client = randomUUID()
    let cuts = 0
    let terminal = await runner.connect({ client })
    await terminal.shows('go')
    let offset = 0
    const acknowledged = (): number =>
      terminal.messages.findLast((message) => message.type === 'inputAck')?.offset ?? 0
    while (offset < TOTAL) {
      const end = Math.min(TOTAL, offset + 1 + Math.floor(random() * 3_000))
      terminal.type(INPUT.subarray(offset, end))
      offset = end
      if (random() < 0.15) {
        cuts++
        terminal.cut()
        const ready = terminal.ready!
        const base = Math.max(ready.inputOffset, acknowledged())
        const resume = { epoch: ready.epoch, offset: terminal.offset }
        terminal = await runner.connect({ client, resume, input: base })
        offset = (await terminal.attached()).inputOffset
        assert.ok(offset >= base && offset <= end)
      }
      if (offset - Math.max(terminal.ready!.inputOffset, acknowledged()) > 32_768) {
        const current = offset
        await waitFor('an acknowledgement', () => acknowledged() > current - 32_768)
      }
    }
    assert.deepEqual((await terminal.exited()).code, 0)
    assert.ok(cuts > 20, `${cuts} cuts`)
    assert.match(terminal.text, new RegExp(createHash('sha256').update(INPUT).digest('hex')))
  },
)

test('the echo of a key brings its acknowledgement along', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const terminal = await runner.connect()
  await terminal.attached()
  for (let keys = 1; keys <= 20; keys += 1) {
    terminal.type('k')
    await terminal.shows('k'.repeat(keys))
    const acknowledged = terminal.messages.findLast((message) => message.type === 'inputAck')
    assert.equal(acknowledged?.offset, keys)
  }
})

test('input typed before the program runs reaches it', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('sleep 0.2; read line; echo "got $line"')
  const terminal: RawTerminal = await runner.connect()
  terminal.type('early\r')
  await terminal.exited()
  assert.match(terminal.text, /got early/)
})

test('a second connection of the same client closes the first one as taken over', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const first = await runner.connect({ client: 'the-same' })
  await first.attached()
  const second = await runner.connect({ client: 'the-same' })
  assert.equal((await second.attached()).driver, true)
  const error = await first.message('error')
  assert.equal(error.error.code, 'TAKEN_OVER')
  await waitFor('the close', () => first.closed)
  assert.equal(first.closed?.code, 4409)
})

test('a program that reads no input holds back acknowledgements, not the runner', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('stty raw -echo; echo go; sleep 1; head -c 60000 | wc -c')
  const terminal = await runner.connect()
  await terminal.shows('go')
  for (let i = 0; i < 6; i++) terminal.type(Buffer.alloc(10_000, 'x'))
  terminal.send({ type: 'heartbeat', data: Buffer.from('1') })
  await terminal.message('heartbeat')
  await terminal.exited()
  assert.match(terminal.text, /60000/)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { MemoryWatch } from '../src/isolation/memory-watch.ts'
import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const LIMIT = 200_000_000

/** Holds so many bytes in its memory. */
const hold = (bytes: number): string =>
  `node -e 'const kept = Buffer.alloc(${bytes}, 1); console.log("holds", kept.length); setInterval(() => kept[0], 1000)'`

for (const isolation of ['none', 'bubblewrap'] as const) {
  test(`without a control group a session that uses too much memory is ended with a sentence, with isolation ${isolation}`, async (t) => {
    const runner = await startRunner(t, { isolation, flags: [`--max-memory-bytes=${LIMIT}`] })
    const { events } = runner.follow()
    await runner.assignScript(`sh -c "${hold(LIMIT).replaceAll('"', '\\"')}; true"; true`)
    const terminal = await runner.connect()
    const exit = await terminal.exited(60_000)
    assert.deepEqual([exit.reason, exit.failure?.code], ['failed', 'LIMIT_EXCEEDED'])
    assert.match(terminal.text, /used more than the 200000000 bytes of memory/)
    const running = events.find(({ type }) => type === 'running')
    assert.ok(running?.type === 'running')
    assert.deepEqual(running.limits.memoryBytes, { value: LIMIT, by: 'watch' })
  })
}

test('what programs share is counted once, and a session below its bound goes on', async (t) => {
  const runner = await startRunner(t, { flags: [`--max-memory-bytes=${LIMIT}`] })
  // Each of the three has all of it in its memory, and none wrote to it since they were one.
  const share = '$| = 1; $kept = "x" x 50_000_000; fork && fork; print "holds\\n"; sleep 1000'
  await runner.assign({ command: 'perl', args: ['-e', share] })
  const terminal = await runner.connect()
  await waitFor('all three', () => terminal.text.split('holds').length === 4)
  const { pid } = await runner.status()
  let exceeded = 0
  let looked = 0
  const watches = [
    new MemoryWatch(pid, LIMIT, () => (exceeded += 1)),
    new MemoryWatch(pid, 1, () => (looked += 1)),
  ]
  t.after(() => watches.forEach((watch) => watch.close()))
  // The first looks when the second does, just before it.
  await waitFor('a look', () => looked > 0)
  assert.equal(exceeded, 0)
  assert.equal((await runner.status()).state, 'running')
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import type { RawTerminal } from './support/raw-terminal.ts'
import { startRunner, type TestRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const LINES = 1_000_000
/** Begins when a return is typed, which the terminal echoes. */
const STREAM = `read go; seq -f '%049.0f' 1 ${LINES}`

/** What the stream must be: the terminal turns each newline into two characters. */
function expectedDigest(): string {
  const hash = createHash('sha256').update('\r\n')
  for (let from = 1; from <= LINES; from += 10_000) {
    let text = ''
    for (let i = from; i < from + 10_000; i++) text += `${String(i).padStart(49, '0')}\r\n`
    hash.update(text)
  }
  return hash.digest('hex')
}

/** Attaches again and again, cutting each connection after a random number of bytes, until the exit. */
async function readWithCuts(
  runner: TestRunner,
  cut: () => number,
): Promise<{ digest: string; modes: string[] }> {
  const hash = createHash('sha256')
  const modes: string[] = []
  let last: RawTerminal | undefined
  let left = 0
  const onOutput = (data: Uint8Array): void => {
    hash.update(data)
    left -= data.length
    if (left < 0) last?.cut()
  }
  const client = 'one-terminal-object'
  while (last?.exit === undefined) {
    const resume =
      last?.ready === undefined ? {} : { resume: { epoch: last.ready.epoch, offset: last.offset } }
    left = cut()
    last = await runner.connect({ client, onOutput, ...resume })
    const current = last
    modes.push((await current.attached()).mode)
    if (modes.length === 1) current.type('\r')
    await waitFor('the cut or the exit', () => current.closed, 60_000)
  }
  return { digest: hash.digest('hex'), modes }
}

test(
  'a 53 MB stream arrives byte for byte over connections cut at random',
  { timeout: 240_000 },
  async (t) => {
    const runner = await startRunner(t)
    // The job is not held up while nobody is attached, so the ring must outlast the slowest reconnect.
    await runner.assignScript(STREAM, { ringBytes: 67_108_864 })
    let seed = 7
    const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647
    const { digest, modes } = await readWithCuts(runner, () => 200_000 + random() * 4_000_000)
    assert.equal(digest, expectedDigest())
    assert.deepEqual(new Set(modes), new Set(['fresh', 'delta']))
    assert.ok(modes.length > 10, `${modes.length} connections`)
  },
)

test('a 53 MB stream arrives byte for byte over one connection', { timeout: 240_000 }, async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(STREAM)
  const hash = createHash('sha256')
  const terminal = await runner.connect({ onOutput: (data) => void hash.update(data) })
  await terminal.attached()
  terminal.type('\r')
  await terminal.exited(200_000)
  assert.equal(hash.digest('hex'), expectedDigest())
})

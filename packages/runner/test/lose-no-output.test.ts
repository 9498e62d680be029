import assert from 'node:assert/strict'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'

import { inFull } from './support/in-full.ts'
import { openPty } from './support/open-pty.ts'

const COMMANDS = inFull(10_000, 2_500)
const LARGEST = 262_144

/** 1 B to 256 KiB, as many small ones as large ones on a logarithmic scale, and the sizes around buffers' ends. */
const SIZES = Array.from({ length: COMMANDS }, (_, i) => {
  const edges = [1, 4_095, 4_096, 4_097, 9_000, 65_535, 65_536, 65_537, 129_000, LARGEST]
  return edges[i % 40] ?? Math.round(LARGEST ** ((i * 0.618_034) % 1))
})

async function countOutput(bytes: number, holdEvery: number): Promise<number> {
  let counted = 0
  const { pty, exited } = openPty('/usr/bin/head', ['-c', String(bytes), '/dev/zero'], (chunk) => {
    counted += chunk.length
    if (holdEvery === 0 || counted % holdEvery > chunk.length) return true
    setImmediate(() => pty.resume())
    return false
  })
  assert.deepEqual(await exited, { code: 0, signal: null })
  return counted
}

test(
  'thousands of commands that write 1 B to 256 KiB and exit at once lose no byte',
  { timeout: 300_000 },
  async () => {
    const queue = SIZES.entries()
    const short: string[] = []
    const worker = async (): Promise<void> => {
      for (const [i, size] of queue) {
        const counted = await countOutput(size, i % 4 === 0 ? 30_000 : 0)
        if (counted !== size) short.push(`${counted} of ${size}`)
      }
    }
    await Promise.all(Array.from({ length: 4 * availableParallelism() }, worker))
    assert.deepEqual(short, [])
  },
)

test('a reader that is held when the command exits still gets everything', async () => {
  let counted = 0
  const { exited } = openPty('/usr/bin/head', ['-c', '6000', '/dev/zero'], (chunk) => {
    counted += chunk.length
    return false
  })
  await exited
  assert.equal(counted, 6_000)
})

test('a program left in the background neither holds up the exit nor hides output', async (t) => {
  let text = ''
  const script = 'sleep 60 & printf "%0.sx" $(seq 1 20000); exit 4'
  const { pty, exited } = openPty('/bin/sh', ['-c', script], (chunk) => {
    text += Buffer.from(chunk).toString()
    return true
  })
  t.after(() => pty.terminate(0))
  const started = performance.now()
  assert.deepEqual(await exited, { code: 4, signal: null })
  assert.equal(text.length, 20_000)
  assert.ok(performance.now() - started < 2_000)
})

test('a program left in the background that keeps writing does not hold up the exit for ever', async (t) => {
  const { pty, exited } = openPty('/bin/sh', ['-c', 'yes & exit 5'], () => true)
  t.after(() => pty.terminate(0))
  assert.deepEqual(await exited, { code: 5, signal: null })
})

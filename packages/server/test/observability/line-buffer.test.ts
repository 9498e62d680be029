import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { LineBuffer } from '../../src/observability/line-buffer.ts'
import { waitFor } from '../support/wait-for.ts'

function gathering(): { lines: LineBuffer; writes: string[] } {
  const writes: string[] = []
  return { lines: new LineBuffer({ write: (some) => void writes.push(some) }), writes }
}

test('lines of one moment are passed on together, in order, soon', async () => {
  const { lines, writes } = gathering()
  for (let i = 0; i < 10; i += 1) lines.write(`${i}\n`)
  assert.deepEqual(writes, [])
  await waitFor(() => writes.length > 0, { what: 'the lines' })
  assert.deepEqual(writes, ['0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n'])
})

test('many lines are not held until the moment is over', () => {
  const { lines, writes } = gathering()
  const line = `${'x'.repeat(99)}\n`
  for (let i = 0; i < 1_000; i += 1) lines.write(line)
  lines.passOn()
  assert.equal(writes.join(''), line.repeat(1_000))
  assert.ok(writes.length > 4 && writes.length < 8, `${writes.length} writes`)
})

/** What a process prints that logs a line and then ends in its own way. */
async function printed(end: string): Promise<string> {
  const module = new URL('../../src/observability/log.ts', import.meta.url)
  const source = `import { createLog } from ${JSON.stringify(module)}; createLog().info('the last line'); ${end}`
  const child = spawn(process.execPath, [...process.execArgv, '--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return text(child.stdout)
}

test('the last lines of a process are written, however it ends by itself', async () => {
  for (const end of ['', 'process.exit(1)', 'throw new Error("unexpected")', 'setTimeout(() => {}, 100)'])
    assert.match(await printed(end), /"msg":"the last line"/, `ended by: ${end}`)
})

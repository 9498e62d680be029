import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { it } from 'node:test'
import { stall } from '../lib/stalls.mjs'

it('pauses the processes below this one and leaves none paused', async (t) => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => process.stdout.write("."), 1)'])
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const { promise: paused, resolve } = Promise.withResolvers()
  let last = performance.now()
  child.stdout.on('data', () => {
    const now = performance.now()
    if (now - last > 200) resolve()
    last = now
  })
  const end = stall({ longestMs: 2_000 })
  await paused
  assert.ok(end() >= 1)
  await once(child.stdout, 'data')
  assert.doesNotMatch(readFileSync(`/proc/${child.pid}/stat`, 'latin1'), /\) T /)
})

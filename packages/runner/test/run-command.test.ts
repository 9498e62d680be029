import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

test('a command runs in a terminal, is typed into, and its exit arrives', async (t) => {
  const runner = await startRunner(t)
  const { events } = runner.follow()
  await waitFor('the status event', () => events.length > 0)
  await runner.assign({ command: 'sh', args: [], env: { PS1: 'ready> ' } })
  const terminal = await runner.connect({ columns: 100, rows: 30 })
  const ready = await terminal.attached()
  assert.equal(ready.mode, 'fresh')
  assert.equal(ready.driver, true)
  await terminal.shows('ready> ')
  terminal.type('stty size; exit 7\r')
  assert.deepEqual(await terminal.exited(), { code: 7, signal: null, reason: 'exited' })
  assert.match(terminal.text, /30 100/)
  assert.equal(terminal.closed?.code, 1000)
  const exit = await waitFor('the exit event', () => events.find((event) => event.type === 'exit'))
  assert.deepEqual(exit.exit, { code: 7, signal: null, reason: 'exited' })
  assert.ok(events.some((event) => event.type === 'running'))
  assert.equal(await runner.ended(), 0)
})

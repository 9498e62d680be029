import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'

import { RUNNER_PATHS } from '@cliscale/sdk/protocol'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

test('a blank runner that no controller visits ends by itself and removes its socket', async (t) => {
  // One that became another user may not: its driver removes the folder.
  const flags = ['--blank-timeout-ms', '300']
  const runner = await startRunner(t, { awaitReady: false, withoutRoot: true, flags })
  assert.equal(await runner.ended(), 0)
  assert.equal(existsSync(runner.socketPath), false)
})

test('a blank runner stays as long as its controller follows its events', async (t) => {
  const runner = await startRunner(t, { flags: ['--blank-timeout-ms', '2000'] })
  const { events, close } = runner.follow()
  await waitFor('the status event', () => events.length > 0)
  const opened = performance.now()
  await waitFor('three seconds to pass', () => performance.now() - opened > 3_000)
  assert.equal(runner.child.exitCode, null)
  close()
  assert.equal(await runner.ended(), 0)
})

test('a blank runner ends on a stop', async (t) => {
  const runner = await startRunner(t)
  const answer = await runner.request('POST', RUNNER_PATHS.stop, { reason: 'killed' })
  assert.equal(answer.status, 202)
  assert.equal(await runner.ended(), 0)
})

test('the lifetime ends the session, and an update can shorten it', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('echo on; sleep 1000')
  const terminal = await runner.connect()
  await terminal.shows('on')
  const answer = await runner.request('POST', RUNNER_PATHS.update, { expiresAtMs: Date.now() + 100 })
  assert.equal(answer.status, 200)
  assert.equal((await terminal.exited()).reason, 'expired')
  assert.equal(await runner.ended(), 0)
})

test('a session without a byte in either direction ends as idle; a byte keeps it', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat', idleTimeoutMs: 600 })
  const terminal = await runner.connect()
  await terminal.attached()
  const started = performance.now()
  const typing = setInterval(() => terminal.type('x'), 100)
  t.after(() => clearInterval(typing))
  await waitFor('more than the timeout to pass', () => performance.now() - started > 1_200)
  assert.equal(terminal.exit, undefined)
  clearInterval(typing)
  assert.equal((await terminal.exited()).reason, 'idle')
})

test('SIGTERM ends the session as killed', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('echo on; sleep 1000')
  const terminal = await runner.connect()
  await terminal.shows('on')
  runner.child.kill('SIGTERM')
  assert.equal((await terminal.exited()).reason, 'killed')
  assert.equal(await runner.ended(), 0)
})

test('after the exit the runner stays for those who have not read everything', async (t) => {
  const runner = await startRunner(t)
  const { events } = runner.follow()
  await waitFor('the status event', () => events.length > 0)
  await runner.assignScript('echo late news', { lingerMs: 60_000 })
  await waitFor('the exit event', () => events.some((event) => event.type === 'exit'))
  const terminal = await runner.connect()
  assert.deepEqual(await terminal.exited(), { code: 0, signal: null, reason: 'exited' })
  assert.match(terminal.text, /late news/)
  assert.equal(await runner.ended(), 0)
})

test('an observer that has everything does not end the runner', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('echo news', { lingerMs: 60_000 })
  runner.follow()
  const observer = await runner.connect({ role: 'observer' })
  await observer.exited()
  const driver = await runner.connect()
  await driver.exited()
  assert.match(driver.text, /news/)
  assert.equal(await runner.ended(), 0)
})

test('nobody came: the runner ends after its linger', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('true', { lingerMs: 200 })
  assert.equal(await runner.ended(), 0)
})

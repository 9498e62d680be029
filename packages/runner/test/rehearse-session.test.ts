import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'

import { findTool } from '../src/isolation/tools.ts'
import { childrenOf } from '../src/terminal/processes.ts'
import { assertOnlyTheTerminal, assignDescriptorLister } from './support/own-descriptors.ts'
import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

/** Programs of a blank runner: a sandbox waits for its session. */
const waiting = { none: 0, bubblewrap: findTool('dash') === undefined ? 0 : 1 } as const

const DEBUG = ['--log-level=debug']

for (const isolation of ['none', 'bubblewrap'] as const) {
  test(`a blank runner rehearses once, with isolation ${isolation}, and leaves nothing of it`, async (t) => {
    const runner = await startRunner(t, { isolation, flags: DEBUG })
    await waitFor('the rehearsal', () => runner.log.includes('rehearsal over'))
    await waitFor('its program’s end', () => childrenOf(runner.child.pid ?? 0).length === waiting[isolation])
    const { state, sessionId, outputOffset, clients } = await runner.status()
    assert.deepEqual([state, sessionId, outputOffset], ['blank', null, 0])
    assert.deepEqual(clients, { driver: 0, observer: 0 })
    assert.deepEqual(readdirSync(runner.workFolder), [])
    assert.equal(/session|warn|error/.test(runner.log), false, runner.log)
    await runner.assignScript('echo the real one')
    const terminal = await runner.connect()
    await terminal.shows('the real one')
    assert.equal((await terminal.exited()).code, 0)
  })
}

test('an assignment in the middle of the rehearsal gets its session', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap', flags: DEBUG })
  await waitFor('the rehearsal', () => runner.log.includes('rehearsal begins'))
  await runner.assignScript('read line; echo "got $line"')
  const terminal = await runner.connect()
  terminal.type('typed\r')
  await terminal.shows('got typed')
  assert.equal((await terminal.exited()).code, 0)
})

for (const isolation of ['none', 'bubblewrap'] as const) {
  test(`no command inherits the rehearsal’s terminal, with isolation ${isolation}`, async (t) => {
    for (let caught = 0; caught < 4;) {
      const runner = await startRunner(t, { isolation, flags: DEBUG })
      const begun = (): boolean => childrenOf(runner.child.pid ?? 0).length > waiting[isolation]
      await waitFor('the rehearsal’s program', () => begun() || runner.log.includes('rehearsal over'))
      // It is held up from the moment its rehearsal has a program until the assignment lies in its socket.
      runner.child.kill('SIGSTOP')
      if (begun()) caught += 1
      const assigned = assignDescriptorLister(runner)
      runner.child.kill('SIGCONT')
      await assigned
      await assertOnlyTheTerminal(runner)
      await waitFor('the rehearsal’s end', () => childrenOf(runner.child.pid ?? 0).length === 0)
    }
  })
}

test('a runner that is stopped in the middle of the rehearsal ends, and nothing stays', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap', flags: DEBUG })
  await waitFor('the rehearsal', () => runner.log.includes('rehearsal begins'))
  const children = childrenOf(runner.child.pid ?? 0)
  await runner.request('POST', '/v1/stop', { reason: 'killed', graceMs: 0 })
  assert.equal(await runner.ended(), 0)
  await waitFor('the sandbox to end', () => children.every((pid) => !isThere(pid)))
})

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

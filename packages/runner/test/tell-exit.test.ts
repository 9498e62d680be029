import assert from 'node:assert/strict'
import { constants } from 'node:os'
import { test } from 'node:test'
import { RUNNER_PATHS, type SessionExit } from '@cliscale/sdk/protocol'
import { readExit } from '../src/terminal/exit.ts'
import { startRunner } from './support/start-runner.ts'

/** Ways in which a command ends by itself, and what must be told of each in every isolation. */
const WAYS: Readonly<Record<string, readonly [script: string, code: number, signal: string | null]>> = {
  'with 0': ['exit 0', 0, null],
  'with a code': ['exit 3', 3, null],
  'with the highest code': ['exit 255', 255, null],
  'with a code above 128 that is no signal': ['exit 200', 200, null],
  'by SIGKILL': ['kill -KILL $$', 137, 'SIGKILL'],
  'by SIGTERM': ['kill -TERM $$', 143, 'SIGTERM'],
  'by SIGABRT': ['kill -ABRT $$', 134, 'SIGABRT'],
  'by SIGSEGV': ['kill -SEGV $$', 139, 'SIGSEGV'],
  'by SIGINT': ['kill -INT $$', 130, 'SIGINT'],
  'by a signal, in a shell': [`sh -c 'kill -TERM $$'; exit $?`, 143, 'SIGTERM'],
  'by a signal, in two shells': [`sh -c "sh -c 'kill -KILL \\$\\$'; exit \\$?"; exit $?`, 137, 'SIGKILL'],
  'by a signal, in a pipe': [`true | sh -c 'kill -HUP $$'`, 129, 'SIGHUP'],
}

/** Ways in which a session is ended. */
const STOPS: Readonly<Record<string, readonly [script: string, code: number, signal: string | null]>> = {
  'a program that ends on the hang-up': ['echo ready; exec sleep 1000', 129, 'SIGHUP'],
  'one that says its own code': [`trap 'exit 9' HUP; echo ready; while :; do sleep 0.05; done`, 9, null],
  'one that does not end': [`trap '' HUP TERM; echo ready; while :; do sleep 0.05; done`, 137, 'SIGKILL'],
}

for (const isolation of ['none', 'bubblewrap'] as const) {
  for (const [name, [script, code, signal]] of Object.entries(WAYS)) {
    test(`${isolation}: a command that ends ${name} tells code and signal`, async (t) => {
      const runner = await startRunner(t, { isolation })
      await runner.assignScript(script)
      const exit: SessionExit = await (await runner.connect()).exited(30_000)
      assert.deepEqual(exit, { code, signal, reason: 'exited' })
    })
  }

  for (const [name, [script, code, signal]] of Object.entries(STOPS)) {
    test(`${isolation}: a stop of ${name} tells code and signal`, async (t) => {
      const runner = await startRunner(t, { isolation })
      await runner.assignScript(script)
      const terminal = await runner.connect()
      await terminal.shows('ready')
      await runner.request('POST', RUNNER_PATHS.stop, {
        reason: 'killed',
        graceMs: name === 'one that does not end' ? 100 : 20_000,
      })
      assert.deepEqual(await terminal.exited(30_000), { code, signal, reason: 'killed' })
    })
  }
}

test('a signal and the code that stands for it are told alike', () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    const told = readExit(null, name as NodeJS.Signals)
    assert.equal(told.code, 128 + number)
    assert.deepEqual(readExit(0, number), told)
    assert.equal(constants.signals[told.signal ?? 'SIGKILL'], number)
  }
  assert.deepEqual(readExit(137, null), readExit(null, 'SIGKILL'))
  assert.deepEqual(readExit(128 + constants.signals.SIGWINCH, null), { code: 156, signal: null })
  assert.deepEqual(readExit(null, null), { code: null, signal: null })
})

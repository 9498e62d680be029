import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { assertOnlyTheTerminal, assignDescriptorLister } from './support/own-descriptors.ts'
import { startRunner } from './support/start-runner.ts'

/** Prints everything that a command can learn of its surroundings without breaking in. */
const LOOK_AROUND = [
  'env | sort',
  'ls -l /proc/self/fd',
  'tr "\\0" "\\n" < /proc/$PPID/environ',
  'tr "\\0" "\\n" < /proc/$PPID/cmdline',
  'for f in /proc/self/fd/*; do [ "$f" -gt 2 ] 2>/dev/null && cat $f; done',
].join('; ')

test('a command finds neither the runner’s secret nor its environment', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(LOOK_AROUND, { env: { GIVEN: 'yes', PATH: '/usr/bin:/bin' } })
  const terminal = await runner.connect()
  await terminal.exited()
  const environment = terminal.text.split('total 0')[0] ?? ''
  assert.equal(terminal.text.includes(runner.secret), false)
  assert.equal(environment.includes('RUNNER_OWN_VARIABLE'), false)
  const names = [...environment.matchAll(/^([A-Z_]+)=/gm)].map((match) => match[1])
  assert.deepEqual(names, [
    'CLISCALE_SESSION_ID',
    'COLORTERM',
    'GIVEN',
    'HOME',
    'LANG',
    'LOGNAME',
    'PATH',
    'PWD',
    'SHELL',
    'TERM',
    'TZ',
    'USER',
  ])
})

test('a command has its terminal and no other descriptor', async (t) => {
  const runner = await startRunner(t)
  await assignDescriptorLister(runner)
  await assertOnlyTheTerminal(runner)
})

test('the secret is in no argument, no variable and no log of the runner', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('true')
  const terminal = await runner.connect()
  await terminal.exited()
  const about = (name: string): string => readFileSync(`/proc/${runner.child.pid}/${name}`, 'latin1')
  for (const text of [about('cmdline'), about('environ'), runner.log]) {
    assert.equal(text.includes(runner.secret), false)
  }
})

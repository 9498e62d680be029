import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { RUNNER_PATHS, type SessionExit } from '@cliscale/sdk/protocol'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const EXITS: readonly (readonly [script: string, code: number, signal: string | null])[] = [
  ['exit 0', 0, null],
  ['exit 1', 1, null],
  ['exit 42', 42, null],
  ['exit 255', 255, null],
  ['kill -KILL $$', 137, 'SIGKILL'],
  ['kill -TERM $$', 143, 'SIGTERM'],
  ['kill -SEGV $$', 139, 'SIGSEGV'],
  ['kill -HUP $$', 129, 'SIGHUP'],
]

for (const [script, code, signal] of EXITS) {
  test(`"${script}" ends with code ${code} and signal ${signal}`, async (t) => {
    const runner = await startRunner(t)
    await runner.assignScript(script)
    const terminal = await runner.connect()
    assert.deepEqual(await terminal.exited(), { code, signal, reason: 'exited' })
    assert.deepEqual((await runner.status()).exit, { code, signal, reason: 'exited' })
  })
}

interface Failing {
  readonly title: string
  readonly command: string
  readonly cwd?: string
  readonly code: number | null
  readonly failure: string
  readonly says: RegExp
}

const FAILURES: readonly Failing[] = [
  {
    title: 'a command that does not exist',
    command: 'no-such-program',
    code: 127,
    failure: 'COMMAND_NOT_FOUND',
    says: /no-such-program: command not found/,
  },
  {
    title: 'a path that does not exist',
    command: './missing',
    code: 127,
    failure: 'COMMAND_NOT_FOUND',
    says: /missing/,
  },
  {
    title: 'a file that may not be executed',
    command: './plain',
    code: 126,
    failure: 'COMMAND_NOT_EXECUTABLE',
    says: /permission denied/,
  },
  {
    title: 'a working directory that does not exist',
    command: 'sh',
    cwd: 'nowhere',
    code: null,
    failure: 'WORK_FOLDER_UNUSABLE',
    says: /nowhere does not exist/,
  },
  {
    title: 'a working directory outside the work folder',
    command: 'sh',
    cwd: '../..',
    code: null,
    failure: 'WORK_FOLDER_UNUSABLE',
    says: /outside/,
  },
]

for (const { title, command, cwd, code, failure, says } of FAILURES) {
  test(`${title} is said in red and typed`, async (t) => {
    const runner = await startRunner(t)
    writeFileSync(join(runner.workFolder, 'plain'), 'echo no')
    chmodSync(join(runner.workFolder, 'plain'), 0o644)
    await runner.assign({ command, ...(cwd === undefined ? {} : { cwd }) })
    const terminal = await runner.connect()
    const exit = await terminal.exited()
    assert.equal(exit.code, code)
    assert.equal(exit.reason, 'failed')
    assert.equal(exit.failure?.code, failure)
    assert.match(terminal.text, says)
    assert.ok(terminal.text.startsWith('\x1b[31m'))
  })
}

test('a missing work folder is said and typed', async (t) => {
  const runner = await startRunner(t)
  rmSync(runner.workFolder, { recursive: true })
  await runner.assignScript('true')
  const terminal = await runner.connect()
  const exit: SessionExit = await terminal.exited()
  assert.equal(exit.failure?.code, 'WORK_FOLDER_UNUSABLE')
})

test('a relative command is found from the working directory', async (t) => {
  const runner = await startRunner(t)
  mkdirSync(join(runner.workFolder, 'sub'))
  writeFileSync(join(runner.workFolder, 'sub', 'tool'), '#!/bin/sh\necho "in $PWD"\n', { mode: 0o755 })
  await runner.assign({ command: './tool', cwd: 'sub' })
  const terminal = await runner.connect()
  await terminal.exited()
  assert.match(terminal.text, /in .*\/work\/sub/)
})

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

test('a stop ends the whole group, programs that ignore the hang-up, and those that left the session', async (t) => {
  const runner = await startRunner(t)
  const script = [
    `trap '' HUP TERM`,
    'sleep 1000 & a=$!',
    'setsid sleep 1001 & sleep 0.2',
    'setsid sh -c "sleep 1002 & echo b=\\$!"',
    'echo "a=$a me=$$"',
    'wait',
  ].join('\n')
  await runner.assignScript(script)
  const terminal = await runner.connect()
  const text = await terminal.shows('me=')
  const pids = [...text.matchAll(/(?:a|b|me)=(\d+)/g)].map((match) => Number(match[1]))
  assert.equal(pids.length, 3)
  assert.ok(pids.every(isAlive))
  await runner.request('POST', RUNNER_PATHS.stop, { reason: 'killed', graceMs: 100 })
  assert.deepEqual(await terminal.exited(), { code: 137, signal: 'SIGKILL', reason: 'killed' })
  await waitFor('all processes to be gone', () => !pids.some(isAlive))
  assert.equal(await runner.ended(), 0)
})

test('a program that ends on the hang-up is given its grace', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(`trap 'echo bye; exit 9' HUP; echo on; while :; do sleep 0.05; done`)
  const terminal = await runner.connect()
  await terminal.shows('on')
  await runner.request('POST', RUNNER_PATHS.stop, { reason: 'expired', graceMs: 5_000 })
  assert.deepEqual(await terminal.exited(), { code: 9, signal: null, reason: 'expired' })
  assert.match(terminal.text, /bye/)
})

test('what a command leaves in the background ends with it', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript('setsid sleep 1003 >/dev/null 2>&1 </dev/null & echo "left=$!"')
  const terminal = await runner.connect()
  await terminal.exited()
  const pid = Number(/left=(\d+)/.exec(terminal.text)?.[1])
  await waitFor('the left process to be gone', () => !isAlive(pid))
})

for (const isolation of ['none', 'bubblewrap'] as const) {
  test(`what left session, parent and environment ends with the command, also without a user of its own: ${isolation}`, async (t) => {
    const runner = await startRunner(t, { withoutRoot: true, isolation })
    // The copy's name says which process it is, for a sandbox has process ids of its own.
    const name = `left-${runner.runnerId.slice(-8)}`
    const script = [
      `cp "$(command -v sleep)" ./${name} && chmod 700 ./${name}`,
      `env -i "$(command -v setsid)" -f ./${name} 1005 >/dev/null 2>&1 </dev/null`,
      `env -i sh -c '(setsid ./${name} 1006 &) & exit' >/dev/null 2>&1 </dev/null`,
      'echo ready; read -r line',
    ].join('\n')
    await runner.assignScript(script)
    const terminal = await runner.connect()
    await terminal.shows('ready')
    await waitFor('both to run', () => processesNamed(name).length === 2)
    assert.ok(processesNamed(name).every((pid) => !readFileSync(`/proc/${pid}/environ`).includes('CLISCALE')))
    await runner.request('POST', RUNNER_PATHS.stop, { reason: 'killed', graceMs: 100 })
    await terminal.exited()
    await waitFor('both to be gone', () => processesNamed(name).length === 0)
  })
}

function processesNamed(name: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false
    try {
      return (
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] === `./${name}` && isAlive(Number(pid))
      )
    } catch {
      return false
    }
  })
}

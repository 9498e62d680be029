import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'

import { findTool } from '../src/isolation/tools.ts'
import { childrenOf } from '../src/terminal/processes.ts'
import { startRunner, type TestRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

/** Where a machine has no shell that can wait, each sandbox is made for its command. */
const skip = findTool('dash') === undefined && 'needs dash'

/** What must reach a command as it is. */
const ODD = [
  'plain',
  '',
  ' two  spaces ',
  `it's "quoted" \`whoami\` $(whoami) $HOME \${HOME} \\ \\\\ \\n !!`,
  'lines\nand\ttabs\r\n',
  "'; exit 3; '",
  "'\\''",
  '-n',
  '~ * ? [a-z] {a,b} # & | < > ;',
  'é ß 漢字 🙂 \u0081\u0088\u00ff \u{10ffff}',
  Array.from({ length: 127 }, (_, i) => String.fromCharCode(i + 1)).join(''),
] as const

/** Variables to which shells give a meaning of their own. */
const SPECIAL = {
  IFS: 'x',
  LINENO: '7',
  OPTIND: 'none',
  PPID: '1',
  OLDPWD: '/none',
  UID: '0',
  _: 'underscore',
  SHLVL: '7',
  MAIL: '/none',
} as const

/** A folder whose name a shell must be told with care. */
const FOLDER = "it's $HERE"

/** Writes what it is given beside its folder: `env` and `args` end each entry with a NUL. */
const TELL =
  'env -0 > ../env; printf "%s\\0" "$@" > ../args; pwd -P > ../cwd; stty size > ../size; tty > ../tty'

async function isolated(t: TestContext, flags: readonly string[] = []): Promise<TestRunner> {
  const runner = await startRunner(t, { isolation: 'bubblewrap', flags: [...flags, '--log-level=debug'] })
  await waitFor('the rehearsal', () => runner.log.includes('rehearsal over'))
  await waitFor('one sandbox', () => childrenOf(runner.child.pid ?? 0).length === 1)
  return runner
}

function sandboxOf(runner: TestRunner): number {
  const [pid = 0, ...others] = childrenOf(runner.child.pid ?? 0)
  assert.deepEqual(others, [])
  return pid
}

function listOf(runner: TestRunner, name: string): string[] {
  return readFileSync(join(runner.workFolder, name), 'utf8').split('\0').slice(0, -1)
}

function environmentOf(runner: TestRunner): Record<string, string> {
  const entries = listOf(runner, 'env').map((line) => [
    line.slice(0, line.indexOf('=')),
    line.slice(line.indexOf('=') + 1),
  ])
  return Object.fromEntries(entries) as Record<string, string>
}

function textOf(runner: TestRunner, name: string): string {
  return readFileSync(join(runner.workFolder, name), 'utf8').trim()
}

async function tell(runner: TestRunner, env: Readonly<Record<string, string>>): Promise<void> {
  const folder = join(runner.workFolder, FOLDER)
  mkdirSync(folder)
  if (runner.user !== null) chownSync(folder, runner.user, runner.user)
  await runner.assign({
    command: 'sh',
    args: ['-c', TELL, 'tell', ...ODD],
    env,
    cwd: FOLDER,
    columns: 123,
    rows: 45,
  })
  const terminal = await runner.connect({ columns: 123, rows: 45 })
  assert.equal((await terminal.exited()).code, 0, terminal.text)
}

test('the command takes the place of a shell that waited in its sandbox', { skip }, async (t) => {
  const runner = await isolated(t)
  const waiting = sandboxOf(runner)
  await runner.assignScript('echo ready; read line')
  const terminal = await runner.connect()
  await terminal.shows('ready')
  assert.equal(sandboxOf(runner), waiting)
  terminal.type('\r')
  assert.equal((await terminal.exited()).code, 0)
})

test('arguments, environment, folder and size reach it as they are', { skip }, async (t) => {
  const runner = await isolated(t)
  const own = Object.fromEntries(ODD.map((value, i) => [`ODD_${i}`, value]))
  await tell(runner, own)
  assert.deepEqual(listOf(runner, 'args'), ODD)
  const { PWD, ...env } = environmentOf(runner)
  const others = ['TERM', 'COLORTERM', 'HOME', 'USER', 'LOGNAME', 'LANG', 'SHELL', 'TZ', 'PATH']
  for (const [name, value] of Object.entries(own)) assert.equal(env[name], value, name)
  assert.deepEqual(Object.keys(env).sort(), [...Object.keys(own), ...others, 'CLISCALE_SESSION_ID'].sort())
  assert.equal(PWD, `/home/user/${FOLDER}`)
  assert.equal(textOf(runner, 'cwd'), PWD)
  assert.equal(textOf(runner, 'size'), '45 123')
  assert.match(textOf(runner, 'tty'), /^\/dev\//)
})

for (const how of ['that waited', 'of its own'] as const) {
  test(`variables of shells reach it as they are, through a sandbox ${how}`, { skip }, async (t) => {
    const runner = await isolated(t)
    const waiting = sandboxOf(runner)
    if (how === 'of its own') {
      process.kill(waiting, 'SIGKILL')
      await waitFor('its end', () => !isThere(waiting))
    }
    // What tells is no shell, which would change some of them.
    await runner.assign({ command: 'env', args: ['-0'], env: SPECIAL })
    const terminal = await runner.connect()
    assert.equal((await terminal.exited()).code, 0, terminal.text)
    const entries = new Set(terminal.text.split('\0'))
    for (const [name, value] of Object.entries(SPECIAL)) assert.ok(entries.has(`${name}=${value}`), name)
    assert.ok(entries.has('PWD=/home/user'))
  })
}

test('limits of the runner hold in it, and lower ones of the session', { skip }, async (t) => {
  for (const [limits, expected] of [
    [undefined, '300'],
    [{ openFiles: 200 }, '200'],
  ] as const) {
    const runner = await isolated(t, ['--max-open-files=300', '--max-processes=64'])
    const waiting = sandboxOf(runner)
    const lower = limits === undefined ? {} : { limits }
    await runner.assignScript('echo "files $(ulimit -n)"; read line', lower)
    const terminal = await runner.connect()
    await terminal.shows(`files ${expected}`)
    assert.equal(sandboxOf(runner), waiting)
    terminal.type('\r')
    await terminal.exited()
  }
})

test('what is shown by the time the session starts is what it sees', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'shown-'))
  chmodSync(folder, 0o755)
  t.after(() => rmSync(folder, { recursive: true }))
  const shown = join(folder, 'tools')
  const runner = await isolated(t, [`--show-path=${shown}`])
  mkdirSync(shown)
  writeFileSync(join(shown, 'later'), 'it came later')
  await runner.assignScript(`cat ${shown}/later`)
  const terminal = await runner.connect()
  await terminal.shows('it came later')
  await terminal.exited()
})

test('a session starts although the shell that waited for it was ended', { skip }, async (t) => {
  const runner = await isolated(t)
  const waiting = sandboxOf(runner)
  process.kill(waiting, 'SIGKILL')
  await waitFor('its end', () => !isThere(waiting))
  await runner.assignScript('echo "all the same"')
  const terminal = await runner.connect()
  await terminal.shows('all the same')
  assert.equal((await terminal.exited()).code, 0)
})

test('nobody outside of it can read what the command is given', { skip }, async (t) => {
  const runner = await isolated(t)
  await runner.assignScript('echo ready; read line', { env: { SECRET: 'kept-from-all' } })
  const terminal = await runner.connect()
  await terminal.shows('ready')
  const bubblewrap = [sandboxOf(runner), ...childrenOf(sandboxOf(runner))]
  for (const pid of bubblewrap)
    for (const file of ['cmdline', 'environ'])
      assert.equal(readFileSync(`/proc/${pid}/${file}`, 'latin1').includes('kept-from-all'), false)
  terminal.type('\r')
  await terminal.exited()
})

for (const how of ['is stopped', 'is killed'] as const) {
  test(`of a blank runner that ${how} nothing stays`, { skip }, async (t) => {
    const runner = await isolated(t)
    const waiting = sandboxOf(runner)
    const inside = childrenOf(waiting)
    if (how === 'is killed') runner.child.kill('SIGKILL')
    else await runner.request('POST', '/v1/stop', { reason: 'killed', graceMs: 0 })
    await runner.ended()
    await waitFor('the sandbox’s end', () => ![waiting, ...inside].some(isThere))
  })
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

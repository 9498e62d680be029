import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { startRunner, type TestRunner } from './support/start-runner.ts'

/** Variables by which a program's loader or runtime runs or writes what their value says, before its first line. */
const HOOKS = (folder: string): Readonly<Record<string, string>> => ({
  LD_DEBUG: 'libs',
  LD_DEBUG_OUTPUT: join(folder, 'loader'),
  LD_PRELOAD: join(folder, 'evil.so'),
  LD_AUDIT: join(folder, 'evil.so'),
  LD_LIBRARY_PATH: folder,
  GCONV_PATH: folder,
  MALLOC_CONF: 'stats_print:true',
  BASH_ENV: join(folder, 'hook'),
  ENV: join(folder, 'hook'),
  NODE_OPTIONS: `--require=${join(folder, 'hook.cjs')}`,
  PERL5OPT: `-I${folder} -Mhook`,
  PYTHONSTARTUP: join(folder, 'hook'),
})

/** A folder of this machine that everybody may write to and that no session should see. */
function openFolder(t: TestContext, parent: string): string {
  const folder = mkdtempSync(join(parent, 'canary-'))
  chmodSync(folder, 0o777)
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function output(
  runner: TestRunner,
  script: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  await runner.assignScript(script, { env })
  const terminal = await runner.connect()
  await terminal.exited(30_000)
  return terminal.text
}

test('no variable of a session reaches a program outside its sandbox', async (t) => {
  const outside = openFolder(t, dirname(process.cwd()))
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  const hook = `require('fs').writeFileSync(${JSON.stringify(join(outside, 'node'))}, '')`
  writeFileSync(join(outside, 'hook.cjs'), hook)
  writeFileSync(join(outside, 'hook'), `touch ${join(outside, 'shell')}`)
  const before = readdirSync(outside)
  const text = await output(runner, 'echo "in the session: $LD_DEBUG_OUTPUT"', HOOKS(outside))
  assert.match(text, /in the session: /)
  assert.deepEqual(readdirSync(outside), before)
})

test('the programs around a sandbox have an empty environment', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assignScript('echo on; read -r wait', { env: { CHOSEN_BY: 'a client' } })
  const terminal = await runner.connect()
  await terminal.shows('on')
  const bwrap = childrenOf(runner.child.pid ?? 0)
  const around = [...bwrap, ...bwrap.flatMap(childrenOf)].filter(isBubblewrap)
  assert.ok(around.length >= 2, `bwrap and its first process: ${around.join(' ')}`)
  for (const pid of around) assert.equal(readFileSync(`/proc/${pid}/environ`, 'latin1'), '')
})

test('a session sees no home, no other folder and no account of this machine', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  const folders = [
    homedir(),
    dirname(process.cwd()),
    '/tmp',
    '/var/tmp',
    '/dev/shm',
    '/var/lib',
    '/opt',
    '/srv',
  ]
    .filter((parent) => existsSync(parent))
    .map((parent) => openFolder(t, parent))
  for (const folder of folders) writeFileSync(join(folder, 'canary'), 'a secret of this machine')
  const read = folders.map((folder) => `cat ${folder}/canary; ls ${folder}`).join('\n')
  const text = await output(
    runner,
    `${read}\nls -A /root /home/* /etc/shadow ${runner.folder}; id -u; cat /etc/passwd; echo $HOME; pwd`,
  )
  assert.equal(text.includes('a secret of this machine'), false, text)
  assert.equal(/^canary/m.test(text), false, text)
  assert.match(text, /^1000\r$/m)
  const accounts = [...text.matchAll(/^([a-z]+):x:/gm)].map(([, name]) => name)
  assert.deepEqual(accounts, ['root', 'user', 'nobody'])
  assert.match(text, /\/home\/user\r\n\/home\/user\r\n$/)
})

test('what the operator shows is seen, read-only, and what is hidden below it is not', async (t) => {
  const shown = openFolder(t, dirname(process.cwd()))
  mkdirSync(join(shown, 'a, b'))
  mkdirSync(join(shown, 'keys'))
  for (const name of ['a, b', 'keys']) writeFileSync(join(shown, name, 'file'), `text of ${name}`)
  writeFileSync(join(shown, 'tool'), '#!/bin/sh\necho "the tool runs"\n', { mode: 0o755 })
  const runner = await startRunner(t, {
    isolation: 'bubblewrap',
    flags: ['--show-path', shown, '--hide-path', join(shown, 'keys')],
  })
  const script = `cat "${shown}/a, b/file" ${shown}/keys/file; touch ${shown}/new && echo WROTE; tool`
  const text = await output(runner, script, { PATH: `${shown}:/usr/bin:/bin` })
  assert.match(text, /text of a, b/)
  assert.match(text, /the tool runs/)
  assert.equal(/text of keys|WROTE/.test(text), false, text)
  assert.equal(existsSync(join(shown, 'new')), false)
})

test('a program that the sandbox does not show is not found, wherever it lies', async (t) => {
  const hidden = openFolder(t, dirname(process.cwd()))
  writeFileSync(join(hidden, 'tool'), '#!/bin/sh\necho ran\n', { mode: 0o755 })
  for (const command of [join(hidden, 'tool'), 'tool', './link']) {
    const runner = await startRunner(t, { isolation: 'bubblewrap' })
    writeFileSync(join(runner.workFolder, 'plain'), '')
    await runner.assign({ command, env: { PATH: `${hidden}:/usr/bin` } })
    const terminal = await runner.connect()
    const exit = await terminal.exited()
    assert.equal(exit.failure?.code, 'COMMAND_NOT_FOUND', terminal.text)
  }
})

test('a session is not the kernel’s root: it changes no setting and reads no closed file', async (t) => {
  for (const isolation of ['bubblewrap', 'none'] as const) {
    const runner = await startRunner(t, { isolation })
    const before = readFileSync('/proc/sys/kernel/threads-max', 'utf8')
    const text = await output(
      runner,
      [
        'grep -E "^(Uid|Groups|CapEff|CapPrm|CapBnd):" /proc/self/status',
        `for f in /proc/sys/kernel/threads-max /proc/sys/vm/drop_caches; do test -w $f && echo WRITABLE; done`,
        'cat /etc/shadow 2>/dev/null && echo READ',
        'cat /proc/self/uid_map',
      ].join('\n'),
    )
    assert.equal(/WRITABLE|READ/.test(text), false, text)
    assert.match(text, /CapEff:\s+0+\r/)
    assert.equal(/^Uid:\s+0\b/m.test(text), false, text)
    if (process.getuid?.() === 0) {
      const user = readFileSync(`/proc/${runner.child.pid}/status`, 'latin1')
      assert.match(
        user,
        new RegExp(`^Uid:\\t${runner.user}\\t${runner.user}\\t${runner.user}\\t${runner.user}$`, 'm'),
      )
      assert.match(
        user,
        new RegExp(`^Gid:\\t${runner.user}\\t${runner.user}\\t${runner.user}\\t${runner.user}$`, 'm'),
      )
      assert.match(user, /^Groups:\t ?$/m)
    }
    assert.equal(readFileSync('/proc/sys/kernel/threads-max', 'utf8'), before)
  }
})

test('a session makes no namespaces of its own', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  const text = await output(
    runner,
    'unshare --user --map-root-user id; unshare --mount true; echo "status $?"',
  )
  assert.equal(/uid=0/.test(text), false, text)
  assert.match(text, /status [1-9]/)
})

test('a runner that is started as root and told no user runs nothing', async (t) => {
  if (process.getuid?.() !== 0) return
  const runner = await startRunner(t, { user: null, awaitReady: false })
  assert.equal(await runner.ended(), 2)
  assert.match(runner.log, /As root the runner needs --user/)
})

test('a session cannot read its runner’s memory, environment or descriptors, nor open its debugger', async (t) => {
  // Of one user, a process may look into another; that the runner changed its user closes it.
  if (process.getuid?.() !== 0) return
  const runner = await startRunner(t, { isolation: 'none' })
  const text = await output(
    runner,
    [
      'for f in environ mem maps auxv; do head -c 1 /proc/$PPID/$f >/dev/null 2>&1 && echo "READ $f"; done',
      'ls /proc/$PPID/fd/ 2>/dev/null && echo "READ fd"',
      'kill -USR1 $PPID; sleep 0.3; echo over',
    ].join('\n'),
  )
  assert.match(text, /over/)
  assert.equal(text.includes('READ'), false, text)
  assert.equal(/Debugger/.test(runner.log), false, runner.log)
})

test('sessions of two runners neither signal nor read each other', async (t) => {
  if (process.getuid?.() !== 0) return
  const victim = await startRunner(t, { isolation: 'none' })
  await victim.assignScript('echo mine > private; echo "pid $$ ready"; read -r wait')
  const terminal = await victim.connect()
  const pid = /pid (\d+) ready/.exec(await terminal.shows('ready'))?.[1]
  const attacker = await startRunner(t, { isolation: 'none' })
  const text = await output(
    attacker,
    `kill -KILL ${pid} && echo KILLED; cat ${victim.workFolder}/private && echo READ; cat /proc/${pid}/environ && echo READ; echo over`,
  )
  assert.match(text, /over/)
  assert.equal(/KILLED|READ/.test(text), false, text)
})

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

function isBubblewrap(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === 'bwrap'
}

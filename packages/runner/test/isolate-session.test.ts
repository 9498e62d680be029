import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { RUNNER_PATHS } from '@cliscale/sdk/protocol'

import { systemConfiguration } from '../src/isolation/system-paths.ts'
import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

test('an isolated command writes to its work folder and nowhere else, and sees no other process', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assignScript(
    [
      'echo mine > kept.txt',
      'touch /etc/forbidden 2>/dev/null && echo WROTE',
      'echo private > /tmp/private',
      'echo "processes: $(ls /proc | grep -c "^[0-9]")"',
      'ls -A /run /var/tmp',
      'umount /tmp 2>/dev/null && echo UNMOUNTED',
      'cat /proc/1/environ | tr "\\0" "\\n" | grep -c RUNNER_OWN',
    ].join('\n'),
  )
  const terminal = await runner.connect()
  await terminal.exited()
  assert.equal(readFileSync(join(runner.workFolder, 'kept.txt'), 'utf8'), 'mine\n')
  assert.equal(/WROTE|UNMOUNTED/.test(terminal.text), false, terminal.text)
  assert.ok(Number(/processes: (\d+)/.exec(terminal.text)?.[1]) < 10)
  assert.equal(existsSync('/tmp/private'), false)
})

test('an isolated command finds neither the runner’s socket nor hidden folders', async (t) => {
  const hidden = await startRunner(t)
  writeFileSync(join(hidden.folder, 'data'), 'of the server')
  const runner = await startRunner(t, { isolation: 'bubblewrap', flags: ['--hide-path', hidden.folder] })
  const places = [join(runner.folder, 'socket'), hidden.folder]
  await runner.assignScript(
    `ls -A ${places.join(' ')}; find /tmp /run -name runner.sock 2>/dev/null; echo end`,
  )
  const terminal = await runner.connect()
  await terminal.exited(30_000)
  assert.equal(/runner\.sock|data/.test(terminal.text), false, terminal.text)
})

test('job control works in isolation: Ctrl-C, Ctrl-Z, jobs and fg', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assign({ command: 'bash', args: ['--norc', '--noprofile'], env: { PS1: 'prompt> ' } })
  const terminal = await runner.connect()
  await terminal.shows('prompt> ')
  terminal.type(`sh -c 'echo sta""rted; exec sleep 1000'\r`)
  await terminal.shows('started')
  terminal.type('\x1a')
  await terminal.shows('Stopped')
  terminal.type('jobs; echo back; fg\r')
  await waitFor('fg', () => terminal.text.split('exec sleep 1000').length > 4)
  terminal.type('\x03')
  terminal.type('echo "status $?"\r')
  await terminal.shows('status 130')
  terminal.type('exit 3\r')
  assert.equal((await terminal.exited()).code, 3)
})

test('Ctrl-C reaches a program that is no shell, and spares the sandbox', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assignScript(`trap 'echo caught' INT; echo on; while :; do sleep 0.05; done`)
  const terminal = await runner.connect()
  await terminal.shows('on')
  terminal.type('\x03')
  await terminal.shows('caught')
  terminal.type('\x03')
  await waitFor('a second one', () => terminal.text.split('caught').length > 2)
})

test('an isolated terminal has a name, its size, and follows it', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assignScript(`trap 'stty size' WINCH; tty; stty size; while :; do sleep 0.02; done`)
  const terminal = await runner.connect({ columns: 99, rows: 33 })
  await terminal.shows('33 99')
  assert.match(terminal.text, /^\/dev\//)
  terminal.send({ type: 'resize', columns: 101, rows: 31 })
  await terminal.shows('31 101')
})

test('a stop ends everything in isolation, with its grace, also what left the session', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assignScript(
    `trap 'echo bye; exit 7' HUP; setsid sleep 1234 & echo on; while :; do sleep 0.05; done`,
  )
  const terminal = await runner.connect()
  await terminal.shows('on')
  await runner.request('POST', RUNNER_PATHS.stop, { reason: 'killed', graceMs: 5_000 })
  assert.deepEqual(await terminal.exited(), { code: 7, signal: null, reason: 'killed' })
  assert.match(terminal.text, /bye/)
  assert.equal(await runner.ended(), 0)
})

test('when the runner is killed, its isolated command dies with it', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  await runner.assignScript('trap "" HUP; while :; do date +%s%N > beat; sleep 0.02; done')
  const beat = join(runner.workFolder, 'beat')
  await waitFor('a beat', () => existsSync(beat))
  runner.child.kill('SIGKILL')
  await runner.ended()
  let last = ''
  let since = performance.now()
  await waitFor('the beats to stop', () => {
    const now = readFileSync(beat, 'utf8')
    if (now !== last) since = performance.now()
    last = now
    return performance.now() - since > 500
  })
})

test('the system’s configuration is there as on this machine, belongs to nobody who could change it, and hosts stay live', async (t) => {
  const runner = await startRunner(t, { isolation: 'bubblewrap' })
  const { mounted, copied } = systemConfiguration()
  assert.ok(copied.length > 5, copied.join())
  assert.ok(mounted.includes('/etc/hosts'))
  await runner.assignScript(
    [
      `for file in ${copied.join(' ')}; do`,
      '  [ -w "$file" ] && echo "WRITABLE $file"; chmod u+w "$file" 2>/dev/null && echo "CHANGED $file"',
      '  echo "sum $(md5sum <"$file") $file $(stat -c %a "$file")"',
      'done',
      `for path in ${mounted.join(' ')}; do [ -e "$path" ] || echo "LOST $path"; done`,
      `rm -f ${copied[0]} 2>/dev/null && echo GONE; ls -l /proc/self/fd | grep -c /etc/; grep -c " /etc/hosts " /proc/self/mountinfo`,
    ].join('\n'),
  )
  const terminal = await runner.connect()
  await terminal.exited()
  assert.doesNotMatch(terminal.text, /WRITABLE|CHANGED|LOST|GONE/)
  const sums = terminal.text.matchAll(/^sum (\w+) +- (\S+) (\d+)\r$/gm)
  assert.deepEqual(
    Array.from(sums, ([, sum, path, mode]) => `${sum} ${path} ${mode}`),
    copied.map((path) => `${createHash('md5').update(readFileSync(path)).digest('hex')} ${path} 444`),
  )
  assert.match(terminal.text, /\n0\r\n1\r\n$/)
})

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import { parseConfig } from '../src/config.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function run(...args: string[]): { status: number | null; stderr: string; stdout: string } {
  const flags = ['--conditions=@cliscale/source', MAIN, ...args]
  return spawnSync(process.execPath, flags, { encoding: 'utf8', cwd: tmpdir() })
}

const REQUIRED = ['--runner-id', 'run_1', '--secret-file', '/dev/null', '--work-folder', '/tmp']

test('all problems are reported together, one sentence each, with exit code 2', () => {
  const { status, stderr } = run('--listen', 'udp:1', '--isolation', 'jail', '--colour', 'red', '--log-level')
  assert.equal(status, 2)
  const lines = stderr.trim().split('\n')
  assert.equal(lines.length, 8, stderr)
  assert.match(stderr, /--listen must be unix:/)
  assert.match(stderr, /--isolation must be one of none, bubblewrap/)
  assert.match(stderr, /There is no option --colour/)
  assert.match(stderr, /--log-level needs a value/)
  assert.match(stderr, /--runner-id is missing/)
})

test('an unreadable or too short secret is one sentence and exit code 2', () => {
  const listen = ['--listen', `unix:${tmpdir()}/none.sock`]
  const missing = run(...listen, ...REQUIRED.with(3, '/nowhere/secret'))
  assert.deepEqual([missing.status, missing.stderr.trim().split('\n').length], [2, 1])
  const empty = run(...listen, ...REQUIRED)
  assert.match(empty.stderr, /shorter than 16 characters/)
})

test('a folder that does not exist cannot be listened in, and the runner says so', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      '--conditions=@cliscale/source',
      MAIN,
      '--listen',
      'unix:/nowhere/x.sock',
      ...REQUIRED.with(3, '/dev/fd/0'),
      ...(process.getuid?.() === 0 ? ['--user', '1900000001'] : []),
    ],
    { encoding: 'utf8', input: 'a secret that is long enough' },
  )
  assert.equal(status, 2)
  assert.match(stderr, /The runner cannot listen/)
})

test('--help names every option', () => {
  const { status, stdout } = run('--help')
  assert.equal(status, 0)
  for (const flag of ['listen', 'runner-id', 'secret-file', 'work-folder', 'isolation', 'log-level']) {
    assert.match(stdout, new RegExp(`--${flag} `))
  }
})

test('addresses of both kinds are read', () => {
  const listen = (text: string): unknown => {
    const parsed = parseConfig(['--listen', text, ...REQUIRED])
    return 'config' in parsed ? parsed.config.listen : parsed.problems
  }
  assert.deepEqual(listen('unix:/run/x.sock'), { path: '/run/x.sock' })
  assert.deepEqual(listen('tcp:127.0.0.1:7681'), { host: '127.0.0.1', port: 7_681 })
  assert.deepEqual(listen('tcp:[::]:7681'), { host: '::', port: 7_681 })
  assert.match(String(listen(`unix:/${'x'.repeat(120)}`)), /shorter folder/)
  assert.match(String(listen('tcp:x:99999')), /must be/)
})

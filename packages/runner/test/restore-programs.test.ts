import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { accessSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

import { openPty } from './support/open-pty.ts'
import { assertSameAnywhere } from './support/snapshot-clients.ts'
import { waitFor } from './support/wait-for.ts'

const SIZE = { columns: 100, rows: 30, scrollbackLines: 200 }

/** What to type once `shows` is there, or how often it must be there. */
interface Step {
  readonly shows: string
  readonly times?: number
  readonly keys: string
}

interface Program {
  readonly name: string
  readonly argv: (folder: string) => readonly string[]
  readonly steps: readonly Step[]
  /** What ends it when no key does. */
  readonly end?: (folder: string) => void
}

const SPINNER = fileURLToPath(new URL('support/spinner.ts', import.meta.url))
const LOADER = fileURLToPath(import.meta.resolve('../../../.ci/lib/source-loader.mjs'))

const PROGRAMS: readonly Program[] = [
  {
    name: 'vim',
    argv: () => ['/usr/bin/vim', '-u', 'NONE', '-N', '--cmd', 'set t_RV= nu hls', 'text'],
    steps: [
      { shows: 'text', keys: 'Gofirst 漢字\x1b:%s/line/LINE/g\r' },
      { shows: 'LINE', keys: '/LINE 40\r:vsplit\r\x17w:q!\r' },
      { shows: 'first', keys: ':q!\r' },
    ],
  },
  {
    name: 'less',
    argv: () => ['/usr/bin/less', '-N', 'text'],
    steps: [
      { shows: 'line 1', keys: ' ' },
      { shows: 'line 40', keys: '/line 150\r' },
      { shows: 'line 150', keys: 'Gq' },
    ],
  },
  {
    name: 'htop',
    argv: () => ['/usr/bin/htop', '-d', '2'],
    steps: [
      { shows: 'Load average', keys: '\x1b[B\x1b[B' },
      { shows: 'Load average', keys: 't' },
      { shows: 'F10', keys: 'q' },
    ],
  },
  {
    name: 'tmux',
    argv: (folder) => ['/usr/bin/tmux', '-f', '/dev/null', '-S', join(folder, 'tmux'), 'new-session', 'sh'],
    steps: [
      { shows: 'ready> ', keys: 'seq 1 60\r' },
      { shows: '60', keys: '\x02%' },
      { shows: '│', keys: 'echo second\r' },
      { shows: 'second', times: 2, keys: '' },
    ],
    end: (folder) => spawnSync('/usr/bin/tmux', ['-S', join(folder, 'tmux'), 'kill-server']),
  },
  {
    name: 'a spinner CLI (listr2)',
    argv: () => [process.execPath, '--conditions=@cliscale/source', `--import=${LOADER}`, SPINNER],
    steps: [{ shows: 'packed', keys: '' }],
  },
]

/** Runs a program as its user would and returns all that it put out. */
async function record(t: TestContext, { argv, steps, end }: Program): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'programs-'))
  t.after(() => {
    end?.(folder)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  })
  writeFileSync(join(folder, 'text'), Array.from({ length: 300 }, (_, i) => `line ${i + 1}\n`).join(''))
  const [file = '', ...args] = argv(folder)
  assertInstalled(file)
  const chunks: Buffer[] = []
  const env = {
    PATH: '/usr/bin:/bin',
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    HOME: folder,
    SHELL: '/bin/sh',
    PS1: 'ready> ',
  }
  const { pty, exited } = openPty(file, args, (chunk) => Boolean(chunks.push(Buffer.from(chunk))), {
    ...SIZE,
    env,
    cwd: folder,
  })
  t.after(() => pty.terminate(0))
  for (const { shows, times = 1, keys } of steps) {
    await waitFor(`${file} to show ${shows}`, () => {
      return Buffer.concat(chunks).toString().split(shows).length > times
    })
    pty.input.push(Buffer.from(keys), () => {})
  }
  end?.(folder)
  let ended = false
  void exited.then(() => (ended = true))
  await waitFor(`${file} to end`, () => ended)
  return Buffer.concat(chunks)
}

function assertInstalled(file: string): void {
  try {
    accessSync(file)
  } catch {
    assert.fail(`${file} is not installed. Run: apt-get install vim less htop tmux`)
  }
}

for (const program of PROGRAMS) {
  test(`a snapshot anywhere in a run of ${program.name} looks like the original, then and at the end`, async (t) => {
    const recording = await record(t, program)
    assert.ok(recording.length > 500, `only ${recording.length} bytes`)
    await assertSameAnywhere(recording, SIZE)
  })
}

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

import {
  type Assignment,
  RECORDING_CUT_LABEL,
  RUNNER_PATHS,
  RUNNER_RECORDING_HEADERS,
} from '@cliscale/sdk/protocol'
import headless from '@xterm/headless'

import { describeTerminal } from './support/describe-terminal.ts'
import { type Cast, dataOf, readCast } from './support/read-cast.ts'
import { startRunner, type TestRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const OUTPUT: Partial<Assignment> = { recording: { mode: 'output', maxBytes: 67_108_864 } }
const WITH_INPUT: Partial<Assignment> = { recording: { mode: 'output-and-input', maxBytes: 67_108_864 } }

interface Part {
  readonly text: string
  readonly state: string
  readonly total: number
}

async function recordingOf(runner: TestRunner, offset = 0): Promise<Part> {
  const { status, headers, body } = await runner.request('GET', `${RUNNER_PATHS.recording}?offset=${offset}`)
  assert.equal(status, 200, body)
  return {
    text: body,
    state: String(headers[RUNNER_RECORDING_HEADERS.state]),
    total: Number(headers[RUNNER_RECORDING_HEADERS.total]),
  }
}

/** Takes the whole recording, so that the runner may end. */
async function complete(runner: TestRunner): Promise<{ readonly part: Part; readonly cast: Cast }> {
  const part = await waitFor('the recording to be complete', async () => {
    const now = await recordingOf(runner)
    return now.state !== 'open' && now
  })
  await recordingOf(runner, part.total)
  return { part, cast: readCast(part.text) }
}

/** Plays a recording into a terminal of its own. */
async function play({ head, events }: Cast): Promise<headless.Terminal> {
  const terminal = new headless.Terminal({
    cols: head.term.cols,
    rows: head.term.rows,
    allowProposedApi: true,
    scrollback: 1_000,
  })
  for (const [, code, data] of events) {
    if (code === 'o') await new Promise<void>((resolve) => terminal.write(data, resolve))
    const [columns = 0, rows = 0] = code === 'r' ? data.split('x').map(Number) : []
    if (code === 'r') terminal.resize(columns, rows)
  }
  return terminal
}

test('a played recording of a real program shows the screen that its user saw', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({
    ...OUTPUT,
    command: 'bash',
    args: ['--norc'],
    env: { PS1: '$ ' },
    columns: 90,
    rows: 20,
  })
  const terminal = await runner.connect({ columns: 90, rows: 20 })
  await terminal.attached()
  await terminal.shows('$ ')
  terminal.type("printf '\\e[31mgrüße \\e[7m世界\\e[0m 🎉\\n'; seq 1 40\r")
  await terminal.shows('40\r\n')
  terminal.send({ type: 'resize', columns: 60, rows: 15 })
  terminal.type('stty size\r')
  await terminal.shows('15 60')
  terminal.type("seq -s ' ' 1 60; printf '\\e[3;5Hmoved'; exit 3\r")
  await terminal.exited()
  const { cast, part } = await complete(runner)
  assert.deepEqual(cast.head.term, { cols: 90, rows: 20, type: 'xterm-256color' })
  assert.equal(cast.head.title, 'bash')
  assert.ok(Math.abs(cast.head.timestamp * 1_000 - Date.now()) < 60_000)
  assert.deepEqual(
    cast.events.filter(([, code]) => code === 'r' || code === 'x').map(([, code, data]) => [code, data]),
    [
      ['r', '60x15'],
      ['x', '3'],
    ],
  )
  assert.equal(dataOf(cast, 'o'), terminal.text)
  assert.ok(!part.text.includes(RECORDING_CUT_LABEL))
  const live = new headless.Terminal({ cols: 90, rows: 20, allowProposedApi: true, scrollback: 1_000 })
  const cut = terminal.text.indexOf('stty size')
  await new Promise<void>((resolve) => live.write(terminal.text.slice(0, cut), resolve))
  live.resize(60, 15)
  await new Promise<void>((resolve) => live.write(terminal.text.slice(cut), resolve))
  assert.deepEqual(describeTerminal(await play(cast), true), describeTerminal(live, true))
})

for (const program of ['vim', 'tmux', 'less', 'bash']) {
  test(`a played recording shows the screen that ${program} drew`, async (t) => {
    const stream = fileURLToPath(new URL(`fixtures/${program}.bin`, import.meta.url))
    const runner = await startRunner(t)
    // In pieces, so that sequences and characters are cut wherever they may be.
    const script = `stty -opost; n=0; size=$(stat -c %s '${stream}')
      while [ $n -lt $size ]; do tail -c +$((n + 1)) '${stream}' | head -c 997; n=$((n + 997)); done`
    await runner.assignScript(script, { ...OUTPUT, columns: 100, rows: 30 })
    const { cast } = await complete(runner)
    assert.equal(dataOf(cast, 'o'), readFileSync(stream, 'utf8'))
    const live = new headless.Terminal({ cols: 100, rows: 30, allowProposedApi: true, scrollback: 1_000 })
    await new Promise<void>((resolve) => live.write(readFileSync(stream), resolve))
    assert.deepEqual(describeTerminal(await play(cast), true), describeTerminal(live, true))
  })
}

test('every byte of 5 MB of output is in the recording, with nobody watching', async (t) => {
  const runner = await startRunner(t)
  const bytes = 5_000_000
  await runner.assignScript(`head -c ${bytes} /dev/urandom | base64 -w 0 | tee copy; exit 0`, OUTPUT)
  const { cast } = await complete(runner)
  const digest = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex')
  const written = readFileSync(`${runner.workFolder}/copy`)
  assert.ok(written.length > bytes)
  assert.equal(digest(dataOf(cast, 'o')), digest(written))
})

test('characters that a program writes in two halves are whole in the recording', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(
    "printf 'a\\303'; sleep 0.2; printf '\\274b\\360\\237'; sleep 0.2; printf '\\216\\211 \\377 \\342\\202'",
    OUTPUT,
  )
  const { cast } = await complete(runner)
  assert.equal(dataOf(cast, 'o'), 'aüb🎉 � �')
})

test('a password that is typed is not in a recording, unless input is to be recorded', async (t) => {
  for (const [over, isThere] of [
    [OUTPUT, false],
    [WITH_INPUT, true],
  ] as const) {
    const runner = await startRunner(t)
    await runner.assign({
      ...over,
      command: 'bash',
      args: ['-c', 'read -rsp "Password: " word; echo; echo ok'],
    })
    const terminal = await runner.connect()
    await terminal.shows('Password: ')
    terminal.type('correct horse\r')
    await terminal.exited()
    const { cast, part } = await complete(runner)
    assert.match(dataOf(cast, 'o'), /Password: \r\nok/)
    assert.equal(part.text.includes('correct horse'), isThere)
    assert.equal(dataOf(cast, 'i'), isThere ? 'correct horse\r' : '')
  }
})

test('at its limit a recording says so, keeps the exit, and the session goes on', async (t) => {
  const runner = await startRunner(t)
  const maxBytes = 65_536
  await runner.assignScript('read go; seq 1 50000; echo the end; exit 9', {
    recording: { mode: 'output', maxBytes },
  })
  const terminal = await runner.connect()
  await terminal.attached()
  terminal.type('\r')
  assert.equal((await terminal.exited()).code, 9)
  assert.match(terminal.text, /the end\r\n$/)
  const { cast, part } = await complete(runner)
  assert.ok(part.total <= maxBytes && part.total > maxBytes / 2, `${part.total} bytes`)
  assert.deepEqual(
    cast.events.slice(-2).map(([, code, data]) => [code, data]),
    [
      ['m', RECORDING_CUT_LABEL],
      ['x', '9'],
    ],
  )
  assert.ok(terminal.text.startsWith(dataOf(cast, 'o')))
})

test('the file is private, grows while the session runs, and outlives kill -9 but for half a second', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ ...OUTPUT, command: 'cat' })
  const terminal = await runner.connect()
  await terminal.attached()
  terminal.type('before\r')
  await terminal.shows('before\r\nbefore')
  await waitFor('the text in the file', () => readFileSync(runner.recordingPath, 'utf8').includes('before'))
  assert.equal(statSync(runner.recordingPath).mode & 0o777, 0o600)
  const first = await recordingOf(runner)
  assert.equal(first.state, 'open')
  terminal.type('after\r')
  await terminal.shows('after\r\nafter')
  const rest = await recordingOf(runner, first.total)
  assert.match(rest.text, /after/)
  runner.child.kill('SIGKILL')
  await runner.ended()
  const left = readFileSync(runner.recordingPath, 'utf8')
  assert.ok(left.startsWith(first.text + rest.text))
  const cast = readCast(left.slice(0, left.lastIndexOf('\n') + 1))
  assert.match(dataOf(cast, 'o'), /before\r\nbefore\r\nafter/)
})

test('a recorded runner waits until all of the recording was taken, and ends then', async (t) => {
  const runner = await startRunner(t)
  const { events } = runner.follow()
  await runner.assignScript('echo hello', { ...OUTPUT, lingerMs: 60_000 })
  const terminal = await runner.connect()
  await terminal.exited()
  await waitFor('the exit event', () => events.some(({ type }) => type === 'exit'))
  const whole = await waitFor('the recording to be complete', async () => {
    const now = await recordingOf(runner)
    return now.state === 'complete' && now
  })
  assert.equal((await runner.status()).state, 'exited')
  const last = await recordingOf(runner, whole.total)
  assert.equal(last.text, '')
  assert.equal(await runner.ended(), 0)
})

test('a failure to start is recorded as its user sees it', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ ...OUTPUT, command: 'no-such-command' })
  const { cast } = await complete(runner)
  assert.match(dataOf(cast, 'o'), /no-such-command/)
  assert.deepEqual(cast.events.at(-1)?.slice(1), ['x', '127'])
})

test('a file that cannot be written ends the recording and not the session', async (t) => {
  const runner = await startRunner(t)
  mkdirSync(runner.recordingPath)
  await runner.assignScript('echo still here; exit 4', OUTPUT)
  const terminal = await runner.connect()
  assert.equal((await terminal.exited()).code, 4)
  assert.match(terminal.text, /still here/)
  const part = await recordingOf(runner)
  assert.deepEqual([part.state, part.total, part.text], ['failed', 0, ''])
  assert.match(runner.log, /the recording ends here/)
})

test('a full disk ends the recording at a whole line and not the session', async (t) => {
  // The size that a process may write stands for the space of a disk: the write is cut short, and the next one fails.
  const limited = ['/bin/sh', '-c', 'trap "" XFSZ; ulimit -f 200; exec "$@"', 'sh']
  const runner = await startRunner(t, { wrapper: limited })
  await runner.assignScript('read go; seq 1 40000; echo the end; exit 5', OUTPUT)
  const terminal = await runner.connect()
  await terminal.attached()
  terminal.type('\r')
  assert.equal((await terminal.exited()).code, 5)
  assert.match(terminal.text, /the end\r\n$/)
  const part = await recordingOf(runner)
  assert.equal(part.state, 'failed')
  assert.ok(part.total > 0)
  assert.ok(terminal.text.startsWith(dataOf(readCast(part.text), 'o')))
})

test('what is not recorded, or is asked for wrongly, is refused', async (t) => {
  const plain = await startRunner(t, { recordings: false })
  const wrong = plain.assignment({ recording: { mode: 'all' as 'output', maxBytes: 1 } })
  const refused = await plain.request('POST', RUNNER_PATHS.assign, wrong)
  assert.equal(refused.status, 422)
  assert.match(refused.body, /\/recording\/mode/)
  await plain.assignScript('cat', OUTPUT)
  assert.equal((await plain.request('GET', RUNNER_PATHS.recording)).status, 404)
  assert.match(plain.log, /--recording-folder/)

  const runner = await startRunner(t)
  await runner.assignScript('cat', OUTPUT)
  for (const offset of ['-1', 'x', '1e3', '999999'])
    assert.equal((await runner.request('GET', `${RUNNER_PATHS.recording}?offset=${offset}`)).status, 400)
  const other = await runner.request('GET', RUNNER_PATHS.recording, undefined, {
    ...runner.headers,
    authorization: 'Bearer another',
  })
  assert.equal(other.status, 401)
})

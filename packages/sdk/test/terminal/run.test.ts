import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { suite, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { connectTerminal, type Terminal, TokenSource } from '../../src/index.ts'
import { type RunnerRelay, runnerRelay } from '../support/runner-relay.ts'
import { waitFor, within } from '../support/wait-for.ts'

function attach(t: TestContext, relay: RunnerRelay): Terminal {
  const terminal = connectTerminal({ url: relay.url, tokenSource: TokenSource.custom(() => 'driver') })
  t.after(() => terminal.close())
  return terminal
}

suite('run', () => {
  test('a command is run, its whole output collected and its exit code told', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('printf "grüße 🎉"; exit 3')
    const terminal = attach(t, relay)
    assert.equal(await within('the output', terminal.text()), 'grüße 🎉')
    assert.deepEqual(await terminal.exited, { code: 3, signal: null, reason: 'exited' })
    assert.equal(terminal.state, 'exited')
  })

  test('a command that dies by a signal tells which', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('kill -9 $$')
    const exit = await within('the exit', attach(t, relay).exited)
    assert.deepEqual(exit, { code: 137, signal: 'SIGKILL', reason: 'exited' })
  })

  test('a command that does not exist ends with 127 and a typed failure', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assign({ command: 'no-such-program' })
    const exit = await within('the exit', attach(t, relay).exited)
    assert.equal(exit.code, 127)
    assert.equal(exit.failure?.code, 'COMMAND_NOT_FOUND')
  })

  test('megabytes are collected without the caller reading along', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty raw; read line; head -c 5000000 /dev/zero')
    const terminal = attach(t, relay)
    const bytes = terminal.bytes()
    await terminal.write('\n')
    const all = await within('the output', bytes, 30_000)
    assert.equal(all.subarray(-5_000_000).length, 5_000_000)
    assert.ok(all.subarray(-5_000_000).every((byte) => byte === 0))
  })

  test('Ctrl-C reaches a program that floods the terminal', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('exec yes')
    const terminal = attach(t, relay)
    let bytes = 0
    terminal.on('data', (data) => (bytes += data.length))
    await waitFor('the flood', () => bytes > 1_000_000)
    await terminal.write('\u0003')
    assert.equal((await within('the exit', terminal.exited)).signal, 'SIGINT')
  })

  test('a size is seen by the program', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty -echo; read line; stty size')
    const terminal = attach(t, relay)
    await within('ready', terminal.ready)
    terminal.resize(132, 43)
    await waitFor('the size', () => terminal.size.columns === 132 && terminal.size.rows === 43)
    const text = terminal.text()
    await terminal.write('\n')
    assert.match(await within('the output', text), /43 132/)
  })

  test('a bundle that cannot be fetched ends the session with a typed failure and no output', async (t) => {
    const relay = await runnerRelay(t)
    const bundle = { url: 'https://127.0.0.1:9/none.tgz', sha256: '0'.repeat(64) }
    await relay.runner.assign({ command: 'true', bundle })
    const exit = await within('the exit', attach(t, relay).exited, 60_000)
    assert.equal(exit.reason, 'failed')
    assert.match(String(exit.failure?.code), /^BUNDLE_/)
  })

  test('a program that used a terminal ends by itself, without process.exit', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty -echo; while read line; do echo "got $line"; done')
    const program = fileURLToPath(new URL('../support/quit-program.ts', import.meta.url))
    const child = spawn(process.execPath, [...process.execArgv, program, relay.url], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    })
    t.after(() => child.kill('SIGKILL'))
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const closed = once(child, 'close').then(() => performance.now())
    await waitFor('the last line', () => output.includes('closed'), 30_000)
    const lastLineAt = performance.now()
    assert.ok((await within('the end of the process', closed, 5_000)) - lastLineAt < 2_000)
    assert.equal(child.exitCode, 0)
    assert.match(output, /got hello/)
  })
})

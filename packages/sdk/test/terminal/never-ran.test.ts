import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { connectTerminal, type Terminal, TokenSource } from '../../src/index.ts'
import { type RunnerRelay, runnerRelay } from '../support/runner-relay.ts'
import { within } from '../support/wait-for.ts'

function attach(t: TestContext, relay: RunnerRelay): Terminal {
  const terminal = connectTerminal({ url: relay.url, tokenSource: TokenSource.custom(() => 'driver') })
  terminal.ready.catch(() => undefined)
  t.after(() => terminal.close())
  return terminal
}

suite('output of a command that never ran', () => {
  test('collecting throws why: no such command', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assign({ command: 'no-such-program' })
    const terminal = attach(t, relay)
    await assert.rejects(within('the output', terminal.text()), {
      name: 'ProvisioningError',
      code: 'COMMAND_NOT_FOUND',
    })
    // Also who asks later.
    await assert.rejects(terminal.bytes(), { code: 'COMMAND_NOT_FOUND' })
    assert.equal((await terminal.exited).failure?.code, 'COMMAND_NOT_FOUND')
  })

  test('collecting throws why: the bundle could not be had', async (t) => {
    const relay = await runnerRelay(t)
    const bundle = { url: 'https://127.0.0.1:9/none.tgz', sha256: '0'.repeat(64) }
    await relay.runner.assign({ command: 'true', bundle })
    await assert.rejects(within('the output', attach(t, relay).text(), 60_000), { code: /^BUNDLE_/ })
  })

  test('collecting throws why: it was refused its working directory', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assign({ command: 'true', cwd: 'not/there' })
    await assert.rejects(within('the output', attach(t, relay).text()), { code: 'WORK_FOLDER_UNUSABLE' })
  })

  test('what is shown keeps what the runner said about it', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assign({ command: 'no-such-program' })
    let shown = ''
    for await (const bytes of attach(t, relay).output) shown += new TextDecoder().decode(bytes)
    assert.match(shown, /no-such-program/)
  })

  test('a command that ran and failed is collected as ever', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('echo said; exit 127')
    const terminal = attach(t, relay)
    assert.match(await within('the output', terminal.text()), /said/)
    assert.equal((await terminal.exited).code, 127)
  })
})

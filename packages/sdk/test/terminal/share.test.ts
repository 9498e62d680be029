import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import {
  connectTerminal,
  type Role,
  type Terminal,
  type TerminalSizeChange,
  TokenSource,
} from '../../src/index.ts'
import { type RunnerRelay, runnerRelay } from '../support/runner-relay.ts'
import { waitFor, within } from '../support/wait-for.ts'

function attach(
  t: TestContext,
  relay: RunnerRelay,
  options: { role?: Role; columns?: number } = {},
): Terminal {
  const { role = 'driver', columns } = options
  const terminal = connectTerminal({ url: relay.url, tokenSource: TokenSource.custom(() => role), columns })
  t.after(() => terminal.close())
  return terminal
}

suite('takeControl', () => {
  test('two terminals share a session and hand it over, with its size', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty -echo; while read line; do echo "$line $(stty size)"; done')
    const first = attach(t, relay, { columns: 90 })
    await within('the first', first.ready)
    const second = attach(t, relay, { columns: 110 })
    await within('the second', second.ready)
    let shown = ''
    first.on('data', (data) => (shown += new TextDecoder().decode(data)))
    const sizes: TerminalSizeChange[] = []
    first.on('size', (size) => sizes.push(size))
    assert.deepEqual([first.isDriver, second.isDriver], [true, false])
    await first.write('one\n')
    await waitFor('the first answer', () => shown.includes('one 24 90'))
    await assert.rejects(second.write('no\n'), { code: 'ROLE_REFUSED' })

    await within('control', second.takeControl())
    await waitFor('the loss of control', () => !first.isDriver)
    assert.deepEqual([first.isDriver, second.isDriver], [false, true])
    await second.write('two\n')
    await waitFor('the second answer', () => shown.includes('two 24 110'))
    await assert.rejects(first.write('no\n'), { code: 'ROLE_REFUSED' })
    await waitFor('the size', () => first.size.columns === 110)
    assert.ok(sizes.some((size) => size.clients === 2))

    await within('control again', first.takeControl())
    await first.write('three\n')
    await waitFor('the third answer', () => shown.includes('three 24 90'))
    assert.ok(!shown.includes('no '))
  })

  test('an observer sees everything, types nothing and does not hold the program up', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty -echo; read line; seq 1 200000; echo "end $line"')
    const driver = attach(t, relay)
    await within('the driver', driver.ready)
    const observer = attach(t, relay, { role: 'observer' })
    const ready = await within('the observer', observer.ready)
    assert.deepEqual([ready.role, ready.driver], ['observer', false])
    observer.setSink(() => new Promise<void>(() => undefined))
    const text = driver.text()
    await driver.write('go\n')
    assert.ok((await within('the output', text, 30_000)).includes('end go'))
    assert.equal((await driver.exited).code, 0)
  })
})

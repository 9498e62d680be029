import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import {
  connectTerminal,
  defaultReconnectPolicy,
  type Role,
  type Terminal,
  type TerminalOptions,
  TokenSource,
} from '../../src/index.ts'
import { CREDIT_WINDOW_BYTES } from '../../src/protocol/index.ts'
import { inFull } from '../support/in-full.ts'
import { ByteDigest, numberedStreamDigest, numberedStreamScript } from '../support/numbered-stream.ts'
import { type RunnerRelay, runnerRelay } from '../support/runner-relay.ts'
import { waitFor, within } from '../support/wait-for.ts'

function attach(
  t: TestContext,
  relay: RunnerRelay,
  options: Partial<TerminalOptions> & { readonly role?: Role } = {},
): Terminal {
  const { role = 'driver', ...rest } = options
  const terminal = connectTerminal({
    url: relay.url,
    tokenSource: TokenSource.custom(() => role),
    reconnect: defaultReconnectPolicy({ baseMs: 20, capMs: 50 }),
    ...rest,
  })
  t.after(() => terminal.close())
  return terminal
}

/** Collects what a terminal shows. */
function shownBy(terminal: Terminal): { text: string } {
  const shown = { text: '' }
  const decoder = new TextDecoder()
  terminal.on('data', (data) => (shown.text += decoder.decode(data, { stream: true })))
  return shown
}

suite('resume', () => {
  test('megabytes of numbered lines arrive identical although the connection is cut every second', async (t) => {
    // Of eight bytes: 50 MB or 20.
    const lines = inFull(6_553_600, 2_621_440)
    const relay = await runnerRelay(t)
    await relay.runner.assignScript(numberedStreamScript(lines), { ringBytes: 67_108_864 })
    const terminal = attach(t, relay)
    const modes: string[] = []
    terminal.on('ready', ({ mode }) => modes.push(mode))
    const digest = new ByteDigest()
    let greeting = ''
    terminal.setSink((data) => {
      if (greeting.endsWith('ready\n')) digest.add(data)
      else greeting += new TextDecoder().decode(data)
    })
    await waitFor('the program', () => greeting === 'ready\n')
    await terminal.write('x')
    const cutter = setInterval(() => relay.cut(), 1_000)
    t.after(() => clearInterval(cutter))
    const exit = await within('the exit', terminal.exited, 200_000)
    assert.equal(exit.code, 0)
    assert.equal(digest.bytes, lines * 8)
    assert.equal(digest.hex(), numberedStreamDigest(lines))
    assert.ok(modes.length >= 2, `only ${modes.length} connections`)
    assert.ok(modes.slice(1).every((mode) => mode === 'delta'))
    t.diagnostic(`${modes.length} connections`)
  })

  test('every key arrives once although the connection is cut while typing', async (t) => {
    const bytes = 400_000
    const relay = await runnerRelay(t)
    await relay.runner.assignScript(`stty raw -echo; echo ready; head -c ${bytes} | sha256sum`)
    const terminal = attach(t, relay)
    const shown = shownBy(terminal)
    await waitFor('the program', () => shown.text.includes('ready'))
    const digest = new ByteDigest()
    for (let at = 0; at < bytes; at += 1_000) {
      const data = Uint8Array.from({ length: 1_000 }, (_value, index) => ((at + index) * 31) % 251)
      digest.add(data)
      await within('acceptance', terminal.write(data), 30_000)
      if (at % 20_000 === 10_000) relay.cut()
    }
    const exit = await within('the exit', terminal.exited, 60_000)
    assert.equal(exit.code, 0)
    assert.ok(shown.text.includes(digest.hex()), shown.text)
    assert.ok(relay.connections > 5)
    t.diagnostic(`${relay.connections} connections`)
  })

  test('a reader that stops, stops the program after one credit window', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty raw -echo; echo ready; head -c 1 > /dev/null; exec yes')
    const terminal = attach(t, relay)
    const parsed: (() => void)[] = []
    let received = 0
    terminal.setSink((data) => {
      received += data.length
      return new Promise<void>((resolve) => parsed.push(resolve))
    })
    await waitFor('the program', () => received > 0)
    await terminal.write('x')
    await waitFor('a full window', () => received >= CREDIT_WINDOW_BYTES - 8_192)
    const { outputOffset } = await relay.runner.status()
    // Several turns in which an open valve would let megabytes through.
    for (let look = 0; look < 20; look += 1) {
      const status = await relay.runner.status()
      assert.ok(status.outputOffset < outputOffset + 65_536, `${status.outputOffset} after ${outputOffset}`)
    }
    assert.ok(received <= CREDIT_WINDOW_BYTES)
    for (const done of parsed.splice(0)) done()
    await waitFor('more output', () => received > CREDIT_WINDOW_BYTES + 65_536, 10_000)
  })

  test('output that fell out of the ring comes back as a snapshot, and collectors are told', async (t) => {
    const relay = await runnerRelay(t)
    const script = 'stty -echo; echo first; read line; seq 1 400000; echo "the end"; read line; exit 4'
    await relay.runner.assignScript(script, { ringBytes: 524_288 })
    let mayConnect: () => void = () => undefined
    let gate = Promise.resolve()
    const away = attach(t, relay, {
      tokenSource: TokenSource.custom(async () => {
        await gate
        return 'driver'
      }),
    })
    const collected = assert.rejects(away.text(), { code: 'CONNECTION_LOST' })
    const resets: number[] = []
    away.on('reset', ({ offset }) => resets.push(offset))
    await within('ready', away.ready)
    gate = new Promise<void>((resolve) => (mayConnect = resolve))
    relay.cut()

    const there = attach(t, relay)
    const seen = shownBy(there)
    await within('control', there.ready)
    await there.takeControl()
    await there.write('\n')
    await waitFor('the end of the output', () => seen.text.includes('the end'), 30_000)
    await there.close()

    const shown = shownBy(away)
    mayConnect()
    await waitFor('the snapshot', () => shown.text.includes('the end'))
    assert.equal(resets.length, 1)
    assert.ok(Number(resets[0]) > 2_000_000)
    await collected
    await away.takeControl()
    await away.write('\n')
    assert.equal((await within('the exit', away.exited)).code, 4)
  })

  test('a network that drops everything is noticed and left', async (t) => {
    const relay = await runnerRelay(t)
    await relay.runner.assignScript('stty -echo; read line; echo "got $line"')
    const heartbeat = { inputMs: 50, unstableMs: 200, deadMs: 1_000 }
    const terminal = attach(t, relay, { heartbeat })
    const shown = shownBy(terminal)
    await within('ready', terminal.ready)
    relay.freeze()
    await terminal.write('it\n')
    await waitFor('unstable', () => terminal.state === 'unstable')
    await within('the exit', terminal.exited, 30_000)
    assert.match(shown.text, /got it/)
    assert.ok(relay.connections >= 2)
  })
})

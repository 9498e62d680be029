import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import {
  connectTerminal,
  defaultReconnectPolicy,
  type Terminal,
  type TerminalState,
} from '../../src/index.ts'
import type { HeartbeatTiming } from '../../src/terminal/heartbeat.ts'
import { TokenSource } from '../../src/token-source.ts'
import { READY, type ScriptedServer, scriptedServer } from '../support/scripted-server.ts'
import { waitFor, within } from '../support/wait-for.ts'

function open(t: TestContext, server: ScriptedServer, heartbeat: Partial<HeartbeatTiming>): Terminal {
  const terminal = connectTerminal({
    url: server.url,
    tokenSource: TokenSource.custom(() => 'token'),
    reconnect: defaultReconnectPolicy({ baseMs: 1, capMs: 5 }),
    heartbeat,
  })
  t.after(() => terminal.close())
  return terminal
}

suite('heartbeat', () => {
  test('an answered probe gives the latency', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server, {})
    const peer = await server.accept()
    peer.send(READY)
    peer.send(await peer.next('heartbeat'))
    await waitFor('the latency', () => terminal.latencyMs !== undefined)
    assert.ok(Number(terminal.latencyMs) >= 0 && Number(terminal.latencyMs) < 5_000)
  })

  test('silence is probed; an answer keeps the connection', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server, { silenceMs: 20, unstableMs: 5_000 })
    const peer = await server.accept()
    peer.send(READY)
    for (let probes = 0; probes < 4; probes += 1) peer.send(await peer.next('heartbeat'))
    assert.equal(terminal.state, 'connected')
    assert.equal(server.upgrades, 1)
  })

  test('a peer that falls silent makes the terminal unstable, any message makes it stable again', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server, { silenceMs: 20, unstableMs: 20, deadMs: 60_000 })
    const peer = await server.accept()
    peer.send(READY)
    await waitFor('unstable', () => terminal.state === 'unstable')
    peer.send({ type: 'title', title: 'alive' })
    await new Promise<void>((resolve) => terminal.once('title', () => resolve()))
    assert.equal(terminal.state, 'connected')
  })

  test('a peer that stays silent is left for a new connection that resumes', async (t) => {
    const server = await scriptedServer(t)
    const states: TerminalState[] = []
    const terminal = open(t, server, { silenceMs: 20, unstableMs: 20, deadMs: 50 })
    terminal.on('state', (state) => states.push(state))
    const peer = await server.accept()
    peer.send(READY)
    const next = await server.accept()
    assert.deepEqual((await next.hello()).resume, { epoch: 'epoch-1', offset: 0 })
    next.send({ ...READY, mode: 'delta' })
    await waitFor('the reconnect', () => terminal.state === 'connected')
    assert.deepEqual(states.slice(0, 5), ['connected', 'unstable', 'reconnecting', 'resuming', 'connected'])
    await waitFor('the end of the old socket', () => peer.closed)
  })

  test('input that is not acknowledged is followed by a probe', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server, { inputMs: 20 })
    const peer = await server.accept()
    peer.send(READY)
    peer.send(await peer.next('heartbeat'))
    await within('ready', terminal.ready)
    await terminal.write('x')
    await peer.next('input')
    await peer.next('heartbeat')
  })

  test('waiting for a start is probed too', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server, { silenceMs: 20, unstableMs: 20, deadMs: 50 })
    const peer = await server.accept()
    peer.send({ type: 'phase', report: { phase: 'queued', queuePosition: 3 } })
    peer.send(await peer.next('heartbeat'))
    assert.equal(terminal.state, 'provisioning')
    const next = await server.accept()
    assert.equal((await next.hello()).resume, undefined)
  })
})

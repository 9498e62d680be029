import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { CliscaleError, connectTerminal, defaultReconnectPolicy, type Terminal } from '../../src/index.ts'
import { CREDIT_AT_REST_MS, CREDIT_LEAST_BYTES, CREDIT_WINDOW_BYTES } from '../../src/protocol/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { TokenSource } from '../../src/token-source.ts'
import { type Peer, READY, type ScriptedServer, scriptedServer } from '../support/scripted-server.ts'
import { waitFor, within } from '../support/wait-for.ts'

function open(t: TestContext, server: ScriptedServer): Terminal {
  const terminal = connectTerminal({
    url: server.url,
    tokenSource: TokenSource.custom(() => 'token'),
    reconnect: defaultReconnectPolicy({ baseMs: 1, capMs: 5 }),
  })
  t.after(() => terminal.close())
  return terminal
}

const refused = (code: string) => (error: unknown) => error instanceof CliscaleError && error.code === code
const output = (bytes: number, fill = 0x61): { type: 'output'; data: Uint8Array } => ({
  type: 'output',
  data: new Uint8Array(bytes).fill(fill),
})
const credits = (peer: Peer): number[] =>
  peer.received.flatMap((message) => (message.type === 'credit' ? [message.offset] : []))

suite('output', () => {
  test('credit follows the sink: it comes when bytes are parsed, in order, never when they arrive', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const parsed: (() => void)[] = []
    terminal.setSink(() => new Promise<void>((resolve) => parsed.push(resolve)))
    const peer = await server.accept()
    peer.send(READY, output(40_000), output(40_000), output(10))
    await waitFor('three chunks', () => parsed.length === 3)
    parsed[1]?.()
    peer.send({ type: 'title', title: 'marker' })
    await new Promise<void>((resolve) => terminal.once('title', () => resolve()))
    assert.deepEqual(credits(peer), [])
    parsed[0]?.()
    assert.equal((await peer.next('credit')).offset, 80_000)
    parsed[2]?.()
    assert.equal((await peer.next('credit')).offset, 80_010)
  })

  test('echoed keys cost no credit each: what is little is told once a second', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    terminal.setSink(() => undefined)
    let keys = 0
    terminal.on('data', () => {
      keys += 1
    })
    const peer = await server.accept()
    peer.send(READY)
    const from = performance.now()
    for (let key = 1; key <= 20; key += 1) {
      peer.send(output(1))
      await waitFor('the key', () => keys === key)
    }
    let told = 0
    for (let offset = 0; offset < 20; told += 1) offset = (await peer.next('credit')).offset
    const seconds = (performance.now() - from) / CREDIT_AT_REST_MS
    assert.ok(told <= 1 + seconds, `${told} in ${seconds} s`)
    peer.send(output(CREDIT_LEAST_BYTES))
    assert.equal((await peer.next('credit')).offset, 20 + CREDIT_LEAST_BYTES)
  })

  test('a sink that is taken away counts as done, and a sink that throws is reported', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const errors: string[] = []
    terminal.on('error', (error) => errors.push(error.message))
    let written = 0
    terminal.setSink(() => {
      written += 1
      return new Promise<void>(() => undefined)
    })
    const peer = await server.accept()
    peer.send(READY, output(50_000))
    await waitFor('a chunk', () => written === 1)
    terminal.setSink(() => {
      throw new Error('broken sink')
    })
    assert.equal((await peer.next('credit')).offset, 50_000)
    peer.send(output(50_000))
    assert.equal((await peer.next('credit')).offset, 100_000)
    assert.deepEqual(errors, ['A terminal sink threw: Error: broken sink'])
  })

  test('output before the first reader is held, and beyond the window dropped so that nothing stands still', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const peer = await server.accept()
    peer.send(READY, { type: 'output', data: toUtf8('early ') }, { type: 'output', data: toUtf8('bird') })
    await within('ready', terminal.ready)
    const received: string[] = []
    await waitFor('the bytes', () => !terminal.replaying)
    terminal.on('data', (data) => received.push(new TextDecoder().decode(data)))
    await waitFor('what was held', () => received.join('') === 'early bird')

    const unread = open(t, server)
    const other = await server.accept()
    other.send(READY)
    for (let sent = 0; sent <= CREDIT_WINDOW_BYTES; sent += 32_768) other.send(output(32_768))
    for (let credit = 0; credit < CREDIT_WINDOW_BYTES;) credit = (await other.next('credit')).offset
    assert.equal(unread.droppedBytes, CREDIT_WINDOW_BYTES)
  })

  test('the replayed part of the output is marked to the byte, and replaying holds until it is parsed', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const chunks: [string, boolean][] = []
    let parse: () => void = () => undefined
    terminal.setSink((data, { replay }) => {
      chunks.push([new TextDecoder().decode(data), replay])
      return new Promise<void>((resolve) => {
        if (replay) parse = resolve
        else resolve()
      })
    })
    const peer = await server.accept()
    peer.send({ ...READY, replayBytes: 3 }, { type: 'output', data: toUtf8('oldnew') })
    await waitFor('both parts', () => chunks.length === 2)
    assert.deepEqual(chunks, [
      ['old', true],
      ['new', false],
    ])
    assert.equal(terminal.replaying, true)
    parse()
    await waitFor('the end of the replay', () => !terminal.replaying)
  })

  test('a resume asks for the very next byte, also when received bytes are not parsed yet', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    terminal.setSink(() => new Promise<void>(() => undefined))
    const first = await server.accept()
    first.send(READY, output(1_000))
    await waitFor('the bytes', () => terminal.state === 'connected')
    await first.next('heartbeat')
    first.socket.close(1012)
    const second = await server.accept()
    assert.deepEqual((await second.hello()).resume, { epoch: 'epoch-1', offset: 1_000 })
    second.send({ ...READY, mode: 'delta', offset: 1_000 })
    await waitFor('the state', () => terminal.state === 'connected')
  })

  test('a gap resets the screen in order, goes on at the new offset, and fails who collects', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const log: string[] = []
    terminal.setSink({
      write: (data, { replay }) =>
        void log.push(`${replay ? 'replay' : 'live'} ${new TextDecoder().decode(data)}`),
      reset: ({ offset }) => void log.push(`reset ${offset}`),
    })
    const shown: string[] = []
    void (async () => {
      for await (const data of terminal.output) shown.push(new TextDecoder().decode(data))
    })()
    const collected = assert.rejects(terminal.text(), refused('CONNECTION_LOST'))
    const first = await server.accept()
    first.send(READY, { type: 'output', data: toUtf8('one') })
    await waitFor('one', () => log.length === 1)
    first.socket.terminate()
    const second = await server.accept()
    await second.hello()
    second.send(
      { ...READY, mode: 'snapshot', offset: 5_000_000, truncatedFrom: 3, replayBytes: 6 },
      { type: 'snapshot', data: toUtf8('screen') },
      { type: 'output', data: toUtf8('two') },
    )
    assert.equal((await second.next('credit')).offset, 5_000_003)
    assert.deepEqual(log, ['live one', 'reset 5000000', 'replay screen', 'live two'])
    await waitFor('the shown output', () => shown.join('|') === 'one|\u001Bc|screen|two')
    await within('the collector', collected)
  })

  test('a second ready on the same socket skips ahead without sending input twice', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    terminal.on('data', () => undefined)
    const peer = await server.accept()
    peer.send(READY)
    await within('ready', terminal.ready)
    await terminal.write('once')
    await peer.next('input')
    peer.send({ ...READY, mode: 'snapshot', offset: 100, replayBytes: 2, inputOffset: 0 })
    peer.send({ type: 'snapshot', data: toUtf8('ok') }, output(1))
    assert.equal((await peer.next('credit')).offset, 101)
    assert.equal(peer.received.filter((message) => message.type === 'input').length, 0)
  })

  test('an exit without the rest of the output fails who collects, and tells the exit all the same', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const collected = assert.rejects(terminal.bytes(), refused('CONNECTION_LOST'))
    const first = await server.accept()
    first.send(READY, { type: 'output', data: toUtf8('some') })
    await within('ready', terminal.ready)
    first.socket.terminate()
    const second = await server.accept()
    await second.hello()
    second.send({ type: 'exit', exit: { code: 0, signal: null, reason: 'exited' } })
    second.socket.close(1000)
    assert.equal((await within('the exit', terminal.exited)).code, 0)
    await within('the collector', collected)
  })

  test('a session that never ran fails who collects, with its own reason', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const collected = assert.rejects(terminal.text(), { code: 'BUNDLE_DIGEST_MISMATCH' })
    const peer = await server.accept()
    const failure = { code: 'BUNDLE_DIGEST_MISMATCH', message: 'It differs.' }
    peer.send({ type: 'exit', exit: { code: null, signal: null, reason: 'failed', failure } })
    peer.socket.close(1000)
    assert.equal((await within('the exit', terminal.exited)).failure?.code, 'BUNDLE_DIGEST_MISMATCH')
    await within('the collector', collected)
  })

  test('collecting stops at its bound and at its signal, and the terminal goes on', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const small = terminal.bytes({ maxBytes: 10 })
    const controller = new AbortController()
    const aborted = terminal.text({ signal: controller.signal })
    const peer = await server.accept()
    peer.send(READY, output(11))
    await assert.rejects(within('the bound', small), refused('OUTPUT_TOO_LARGE'))
    controller.abort()
    await assert.rejects(within('the signal', aborted), refused('ABORTED'))
    assert.equal(terminal.state, 'connected')
    const reader = terminal.readable().getReader()
    peer.send({ type: 'output', data: toUtf8('stream') })
    assert.equal(new TextDecoder().decode((await reader.read()).value), 'stream')
    await reader.cancel()
  })

  test('an async iterator that stops reading stops its credit', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    const iterator = terminal.output[Symbol.asyncIterator]()
    const peer = await server.accept()
    peer.send(READY, output(40_000), output(40_000))
    await iterator.next()
    assert.deepEqual(credits(peer), [])
    await iterator.next()
    assert.equal((await peer.next('credit')).offset, 40_000)
    await iterator.return?.()
    assert.equal((await peer.next('credit')).offset, 80_000)
  })

  test('a server that ignores credit is left', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, server)
    terminal.setSink(() => new Promise<void>(() => undefined))
    const peer = await server.accept()
    peer.send(READY)
    for (let sent = 0; sent <= 17_000_000; sent += 65_536) peer.send(output(65_536))
    await assert.rejects(within('the failure', terminal.exited), refused('INVALID_RESPONSE'))
  })
})

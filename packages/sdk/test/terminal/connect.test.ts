import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { suite, test, type TestContext } from 'node:test'
import {
  CliscaleError,
  connectTerminal,
  defaultReconnectPolicy,
  Terminal,
  type TerminalOptions,
  type TerminalState,
  TokenSource,
} from '../../src/index.ts'
import { toUtf8 } from '../../src/protocol/text.ts'
import { READY, scriptedServer } from '../support/scripted-server.ts'
import { waitFor, within } from '../support/wait-for.ts'

function open(t: TestContext, options: Partial<TerminalOptions> & { url: string }): Terminal {
  let asked = 0
  const terminal = connectTerminal({
    tokenSource: TokenSource.custom(() => `token-${(asked += 1)}`),
    reconnect: defaultReconnectPolicy({ baseMs: 1, capMs: 5 }),
    ...options,
  })
  t.after(() => terminal.close())
  return terminal
}

const refused = (code: string) => (error: unknown) => error instanceof CliscaleError && error.code === code

suite('connect', () => {
  test('a Node client sends its token as a header and offers one subprotocol and no compression', async (t) => {
    const server = await scriptedServer(t)
    open(t, { url: server.url, columns: 120, rows: 40 })
    const peer = await server.accept()
    assert.equal(peer.request.headers.authorization, 'Bearer token-1')
    assert.equal(peer.request.headers['sec-websocket-protocol'], 'cliscale.v1')
    assert.equal(peer.request.headers['sec-websocket-extensions'], undefined)
    assert.ok(!String(peer.request.url).includes('token'))
    const { client, ...hello } = await peer.hello()
    assert.deepEqual(hello, { type: 'hello', v: 1, columns: 120, rows: 40, input: 0 })
    assert.match(String(client), /^[0-9a-f]{32}$/)
  })

  test('states follow a session from its start to its end', async (t) => {
    const server = await scriptedServer(t)
    const states: TerminalState[] = []
    const terminal = new Terminal({ url: server.url, tokenSource: TokenSource.literal('t') })
    t.after(() => terminal.close())
    terminal.on('state', (state) => states.push(state))
    assert.equal(terminal.state, 'idle')
    terminal.connect()
    const peer = await server.accept()
    await peer.hello()
    peer.send({
      type: 'phase',
      report: { phase: 'fetching', progress: { done: 1, total: 2, unit: 'bytes' } },
    })
    await waitFor('the phase', () => terminal.phase?.phase === 'fetching')
    peer.send(READY, { type: 'output', data: toUtf8('hi') })
    await within('ready', terminal.ready)
    peer.send({ type: 'exit', exit: { code: 3, signal: null, reason: 'exited' } })
    peer.socket.close(1000)
    assert.equal((await within('the exit', terminal.exited)).code, 3)
    assert.equal(await terminal.text(), 'hi')
    assert.deepEqual(states, ['connecting', 'provisioning', 'connected', 'exited'])
    await assert.rejects(terminal.write('x'), refused('SESSION_ENDED'))
  })

  test('while nothing listens one token serves all attempts, and no pause is longer than half of the outage', async (t) => {
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port } = gone.address() as AddressInfo
    gone.close()
    let asked = 0
    let attempts = 0
    const terminal = open(t, {
      url: `ws://127.0.0.1:${port}/`,
      tokenSource: TokenSource.custom(() => `token-${(asked += 1)}`),
    })
    terminal.on('state', (state) => (attempts += state === 'reconnecting' ? 1 : 0))
    await waitFor('four attempts', () => attempts >= 4)
    assert.equal(asked, 1)

    const error = new CliscaleError('CONNECTION_FAILED', 'gone', { status: 0, retryable: true })
    const policy = defaultReconnectPolicy()
    const context = { elapsedMs: 1_000, everConnected: true, error, retryAfterMs: undefined }
    for (let attempt = 0; attempt < 100; attempt += 1)
      assert.ok((policy.nextDelayMs({ ...context, attempt }) ?? 0) <= 750)
  })

  test('the first attempt is spread over all of its time, the next are not made at once', () => {
    const error = new CliscaleError('CONNECTION_FAILED', 'gone', { status: 0, retryable: true })
    const policy = defaultReconnectPolicy()
    const delays = (attempt: number): number[] =>
      Array.from({ length: 500 }, () => {
        const context = { attempt, elapsedMs: 4_000, everConnected: true, error, retryAfterMs: undefined }
        return policy.nextDelayMs(context) ?? 0
      })
    const first = delays(0)
    assert.ok(Math.min(...first) < 50 && Math.max(...first) > 200 && Math.max(...first) <= 250)
    const third = delays(2)
    assert.ok(Math.min(...third) >= 500 && Math.min(...third) < 600)
    assert.ok(Math.max(...third) > 900 && Math.max(...third) <= 1_000)
  })

  test('a terminal that is closed in the turn in which it connected asks for no token', async (t) => {
    const server = await scriptedServer(t)
    let asked = 0
    const tokenSource = TokenSource.custom(() => `token-${(asked += 1)}`)
    const first = connectTerminal({ url: server.url, tokenSource })
    await first.close()
    const second = connectTerminal({ url: server.url, tokenSource })
    t.after(() => second.close())
    second.connect()
    const peer = await server.accept()
    await peer.hello()
    assert.equal(asked, 1)
    assert.equal(server.upgrades, 1)
    await assert.rejects(first.exited, refused('CLOSED'))
    assert.throws(() => first.connect(), refused('CLOSED'))
  })

  test('a new token is asked for at every connect, and told when the last one was refused', async (t) => {
    const server = await scriptedServer(t)
    const refusals: (string | undefined)[] = []
    const terminal = open(t, {
      url: server.url,
      tokenSource: TokenSource.custom(({ refused }) => {
        refusals.push(refused?.code)
        return `token-${refusals.length}`
      }),
    })
    const first = await server.accept()
    first.send({ type: 'error', error: { code: 'TOKEN_USED', message: 'used', retryable: true } })
    first.socket.close(4401)
    const second = await server.accept()
    assert.equal(second.request.headers.authorization, 'Bearer token-2')
    second.send(READY)
    await within('ready', terminal.ready)
    second.socket.terminate()
    await server.accept()
    assert.deepEqual(refusals, [undefined, 'TOKEN_USED', undefined])
  })

  test('three refused tokens in a row end the terminal', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, { url: server.url })
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const peer = await server.accept()
      peer.send({ type: 'error', error: { code: 'TOKEN_EXPIRED', message: 'late', retryable: true } })
      peer.socket.close(4401)
    }
    await assert.rejects(within('the failure', terminal.exited), refused('TOKEN_EXPIRED'))
    assert.equal(terminal.state, 'failed')
  })

  test('a literal token is not used for a second connection after it was refused', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, { url: server.url, tokenSource: TokenSource.literal('one') })
    const peer = await server.accept()
    peer.send({ type: 'error', error: { code: 'TOKEN_USED', message: 'used', retryable: true } })
    peer.socket.close(4401)
    await assert.rejects(within('the failure', terminal.exited), refused('TOKEN_SOURCE_FAILED'))
    assert.equal(server.upgrades, 1)
  })

  test('refusals that are final end the terminal with their code, and connect() tries again', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, { url: server.url })
    for (const [code, close] of [
      ['SESSION_NOT_FOUND', 4404],
      ['ROLE_REFUSED', 4403],
      ['SESSION_ENDED', 4410],
      ['TAKEN_OVER', 4409],
      ['RUNNER_LOST', 4500],
      ['A_CODE_OF_A_NEWER_SERVER', 4400],
    ] as const) {
      const peer = await server.accept()
      peer.send({ type: 'error', error: { code, message: `No: ${code}.`, retryable: false } })
      peer.socket.close(close)
      await assert.rejects(within(code, terminal.exited), refused(code))
      assert.equal(terminal.error?.message, `No: ${code}.`)
      terminal.connect()
    }
    assert.equal(server.upgrades, 6)
  })

  test('a close without a message is explained by its code', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, { url: server.url })
    const peer = await server.accept()
    peer.socket.close(4410)
    await assert.rejects(within('the failure', terminal.exited), refused('SESSION_ENDED'))
  })

  test('a refused upgrade shows the error of its body and waits as long as it says', async (t) => {
    const server = await scriptedServer(t)
    const error = { code: 'DRAINING', message: 'Going down.', requestId: 'r1' }
    server.refusal = { status: 503, headers: { 'retry-after': '1' }, body: JSON.stringify({ error }) }
    const terminal = open(t, { url: server.url })
    let retryInMs: number | undefined
    terminal.on('state', (_state, detail) => {
      retryInMs ??= detail.retryInMs
    })
    await waitFor('the refusal', () => terminal.error?.code === 'DRAINING')
    assert.equal(terminal.error?.requestId, 'r1')
    assert.ok(retryInMs !== undefined && retryInMs >= 1_000 && retryInMs < 1_100, String(retryInMs))
    server.refusal = { status: 403, headers: {}, body: '{"error":{"code":"ORIGIN_REFUSED","message":"No."}}' }
    await assert.rejects(within('the failure', terminal.exited), refused('ORIGIN_REFUSED'))
  })

  test('a restart is waited for as long as the server asks', async (t) => {
    const server = await scriptedServer(t)
    const delays: number[] = []
    const terminal = open(t, { url: server.url })
    terminal.on('state', (_state, { retryInMs }) => {
      if (retryInMs !== undefined) delays.push(retryInMs)
    })
    const peer = await server.accept()
    peer.send(READY)
    const error = { code: 'DRAINING', message: 'Come back.', retryable: true, retryAfterMs: 200 } as const
    peer.send({ type: 'error', error })
    peer.socket.close(1012, 'DRAINING')
    const resumed = await server.accept()
    assert.deepEqual((await resumed.hello()).resume, { epoch: 'epoch-1', offset: 0 })
    assert.equal(delays.length, 1)
    assert.ok(Number(delays[0]) >= 200 && Number(delays[0]) <= 205, String(delays[0]))
  })

  test('a server that is not there is given up after firstConnectMs, with the reason', async (t) => {
    const server = await scriptedServer(t)
    await server.close()
    const reconnect = defaultReconnectPolicy({ baseMs: 1, capMs: 2, firstConnectMs: 50 })
    const terminal = open(t, { url: server.url, reconnect })
    await assert.rejects(within('the failure', terminal.exited), (error) => {
      assert.ok(refused('CONNECTION_FAILED')(error))
      assert.match(String(error), /ECONNREFUSED/)
      return true
    })
  })

  test('an address that is none fails at once', async (t) => {
    const terminal = open(t, { url: 'nonsense' })
    await assert.rejects(within('the failure', terminal.exited), refused('CONNECTION_FAILED'))
    const nowhere = connectTerminal({ tokenSource: TokenSource.literal('t') })
    await assert.rejects(within('the failure', nowhere.exited), refused('TOKEN_SOURCE_FAILED'))
  })

  test('a server that accepts and stays silent is left after the handshake timeout', async (t) => {
    const server = await scriptedServer(t)
    const terminal = open(t, { url: server.url, handshakeTimeoutMs: 50, reconnect: false })
    await assert.rejects(within('the failure', terminal.exited), refused('CONNECTION_FAILED'))
  })

  test('a server that breaks the protocol ends the terminal', async (t) => {
    const server = await scriptedServer(t)
    const cases: ((peer: Awaited<ReturnType<typeof server.accept>>) => void)[] = [
      (peer) => peer.socket.send(new Uint8Array([0xff])),
      (peer) => peer.socket.send('text'),
      (peer) => peer.send({ type: 'output', data: toUtf8('early') }),
      (peer) => peer.send({ ...READY, inputOffset: 5 }),
      (peer) => peer.send({ ...READY, mode: 'delta', offset: 9 }),
      (peer) => peer.send(READY, { type: 'inputAck', offset: 1 }),
    ]
    for (const breakProtocol of cases) {
      const terminal = open(t, { url: server.url })
      const peer = await server.accept()
      breakProtocol(peer)
      await assert.rejects(within(String(breakProtocol), terminal.exited), refused('INVALID_RESPONSE'))
      await waitFor('the close', () => peer.closed)
    }
  })

  test('an aborted signal closes the terminal at every stage', async (t) => {
    const server = await scriptedServer(t)
    const stages: ((terminal: Terminal) => Promise<unknown>)[] = [
      async () => undefined,
      async () => await (await server.accept()).hello(),
      async (terminal) => {
        const peer = await server.accept()
        peer.send({ type: 'phase', report: { phase: 'queued' } })
        await waitFor('the phase', () => terminal.state === 'provisioning')
      },
      async (terminal) => {
        const peer = await server.accept()
        peer.send(READY)
        await terminal.ready
      },
    ]
    for (const reach of stages) {
      const controller = new AbortController()
      const terminal = open(t, { url: server.url, signal: controller.signal })
      await reach(terminal)
      controller.abort()
      assert.equal(terminal.state, 'closed')
      await assert.rejects(terminal.exited, refused('CLOSED'))
      await within('the close', terminal.close())
    }
    const dead = open(t, { url: server.url, signal: AbortSignal.abort() })
    assert.equal(dead.state, 'closed')
  })

  test('a token source that hangs or throws is reported and asked again', async (t) => {
    const server = await scriptedServer(t)
    let asked = 0
    const errors: string[] = []
    const terminal = open(t, {
      url: server.url,
      tokenTimeoutMs: 30,
      tokenSource: TokenSource.custom(async () => {
        asked += 1
        if (asked === 1) return await new Promise<never>(() => undefined)
        if (asked === 2) throw new Error('no network')
        return 'token'
      }),
    })
    terminal.on('state', (_state, { error }) => error !== undefined && errors.push(error.message))
    const peer = await server.accept()
    peer.send(READY)
    await within('ready', terminal.ready)
    assert.deepEqual(errors, [
      'The token source did not answer within 30 ms.',
      'The token source failed: no network',
    ])
  })

  test('a policy that throws fails the terminal, a listener that throws disturbs nothing', async (t) => {
    const server = await scriptedServer(t)
    const broken = open(t, {
      url: server.url,
      reconnect: {
        nextDelayMs: () => {
          throw new Error('broken policy')
        },
      },
    })
    ;(await server.accept()).socket.terminate()
    await assert.rejects(within('the failure', broken.exited), /broken policy/)

    const uncaught: unknown[] = []
    const restore = catchUncaught(uncaught)
    t.after(restore)
    const terminal = open(t, { url: server.url })
    terminal.once('state', () => {
      throw new Error('broken listener')
    })
    const peer = await server.accept()
    peer.send(READY)
    await within('ready', terminal.ready)
    assert.equal(terminal.state, 'connected')
    await waitFor('the error', () => uncaught.length > 0)
    restore()
    assert.match(String(uncaught[0]), /broken listener/)
  })
})

/** Takes uncaught errors in the place of the test runner. */
function catchUncaught(into: unknown[]): () => void {
  const others = process.listeners('uncaughtException')
  const take = (error: unknown): void => void into.push(error)
  process.removeAllListeners('uncaughtException').on('uncaughtException', take)
  return () => {
    process.removeAllListeners('uncaughtException')
    for (const listener of others) process.on('uncaughtException', listener)
  }
}

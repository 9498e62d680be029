import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServerMessage } from '@cliscale/sdk/protocol'
import { CodedError } from '../../src/http/coded-error.ts'
import { waitFor } from '../support/wait-for.ts'
import { acceptText, rawRunnerEnd, runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal, opened, type TerminalClient } from './support/terminal-client.ts'

const FAST = { tickMs: 10, closeTimeoutMs: 50 }

function phases(client: TerminalClient): string[] {
  return client.messages.flatMap((message: ServerMessage) =>
    message.type === 'phase' ? [message.report.phase] : [],
  )
}

test('phases stream through the socket while the session starts, and then it becomes the terminal', async (t) => {
  const { start, session, assign, token, folder, store } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  client.send({ type: 'hello', v: 1, columns: 80, rows: 24 })
  client.send({ type: 'input', data: Buffer.from('typed early') })
  await waitFor(() => phases(client).length === 1, { what: 'the first phase' })
  await store.sessions.recordPhase(sessionId, { phase: 'queued', queuePosition: 3 })
  await waitFor(() => phases(client).length === 2, { what: 'the place in the queue' })
  await assign(sessionId, runner.address)
  const { socket, received } = await runner.next()
  await waitFor(() => received.length === 2, { what: 'what was typed early' })
  assert.equal(received[1], '0typed early')
  assert.deepEqual(phases(client).slice(0, 2), ['queued', 'queued'])
  socket.send(Buffer.from('0$ '))
  await client.got('output')
})

test('a waiting client has its pings and heartbeats answered, and the runner does not see them', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const pongs: string[] = []
  client.socket.on('pong', (data) => pongs.push(data.toString()))
  client.send({ type: 'hello', v: 1, columns: 80, rows: 24 })
  client.send({ type: 'heartbeat', data: Buffer.from('abc') })
  client.socket.ping('ping!')
  client.send({ type: 'input', data: Buffer.from('x') })
  const { data } = await client.got('heartbeat')
  assert.equal(Buffer.from(data).toString(), 'abc')
  await waitFor(() => pongs.length === 1, { what: 'the pong' })
  assert.deepEqual(pongs, ['ping!'])
  await assign(sessionId, runner.address)
  const { received } = await runner.next()
  await waitFor(() => received.length === 2, { what: 'hello and input' })
  assert.deepEqual(
    received.map((text) => text[0]),
    ['{', '0'],
  )
})

test('what a waiting client sends is held up to a bound and delivered whole', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { maxWaitingBytes: 10_000 } })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const sent: string[] = []
  let still = 0
  const full = (): boolean => {
    still += 1
    for (; client.socket.bufferedAmount < 1 << 20; still = 0) {
      sent.push(`${sent.length}`.padEnd(10_000, '.'))
      client.send({ type: 'input', data: Buffer.from(sent.at(-1) ?? '') })
    }
    return still > 20
  }
  await waitFor(full, { what: 'the client to be held back' })
  await assign(sessionId, runner.address)
  const { received } = await runner.next()
  await waitFor(() => received.length === sent.length, { what: 'all input', withinMs: 30_000 })
  assert.deepEqual(
    received,
    sent.map((text) => `0${text}`),
  )
})

test('a waiting client that breaks the protocol or closes is let go', async (t) => {
  const { start, session, token } = await stage(t)
  const gateway = await start({ limits: FAST })
  const sessionId = await session()
  const big = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  big.socket.send(Buffer.alloc(65_537))
  assert.equal((await big.got('error')).error.code, 'FRAME_TOO_LARGE')
  assert.equal((await big.over()).code, 1009)
  const polite = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  polite.socket.close(1000)
  assert.equal((await polite.over()).code, 1000)
  const gone = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  gone.socket.terminate()
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
})

test('a session that ended tells its exit, one that ends while a client waits too, one that is gone is not found', async (t) => {
  const { start, session, token, end, store } = await stage(t)
  const gateway = await start()
  const ended = await session()
  const early = await token(ended)
  await end(ended, 3)
  const first = connectTerminal(t, gateway.url(ended), { token: early })
  const { exit } = await first.got('exit')
  assert.deepEqual(exit, { code: 3, signal: null, reason: 'exited' })
  assert.equal((await first.over()).code, 1000)

  const waiting = await session()
  const second = await opened(connectTerminal(t, gateway.url(waiting), { token: await token(waiting) }))
  await second.got('phase')
  const failure = { code: 'START_FAILED', message: 'No room.' }
  await store.sessions.transition({
    id: waiting,
    from: ['queued'],
    move: { to: 'ended', exit: { code: null, signal: null, reason: 'failed', failure } },
  })
  assert.deepEqual((await second.got('exit')).exit.failure, failure)
  assert.equal((await second.over()).code, 1000)

  const gone = {
    redeem: async () =>
      ({ outcome: 'redeemed', sessionId: waiting, role: 'driver', target: null, accessId: null }) as const,
  }
  const without = await start({ tokens: gone })
  const third = connectTerminal(t, without.url(waiting), { token: await token(waiting) })
  assert.equal((await third.got('error')).error.code, 'SESSION_NOT_FOUND')
  assert.equal((await third.over()).code, 4404)
})

test('a session whose runner lingers is still read to its end', async (t) => {
  const { start, session, assign, token, end, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const late = await token(sessionId)
  await end(sessionId, 0, 'lingering')
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: late }))
  const { socket } = await runner.next()
  socket.send(Buffer.from('0the tail'))
  assert.equal(Buffer.from((await client.got('output')).data).toString(), 'the tail')
})

test('a session that does not start in time ends the wait', async (t) => {
  const { start, session, token } = await stage(t)
  const gateway = await start({ limits: { startTimeoutMs: 50 } })
  const sessionId = await session()
  const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  assert.equal((await client.got('error')).error.code, 'START_TIMEOUT')
  assert.equal((await client.over()).code, 4500)
})

test('another runner at the address refuses, and the client learns it', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder, {
    refuse: ({ headers }) => (headers['x-cliscale-runner'] === 'run_other' ? null : 403),
  })
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  assert.equal((await client.got('error')).error.code, 'RUNNER_REFUSED')
  assert.equal((await client.over()).code, 4500)
})

test("addresses outside the runners' reach are not dialled", async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  for (const address of [
    'unix:/run/docker.sock',
    `unix:${folder}/../x.sock`,
    'tcp:169.254.169.254:80',
    'tcp:127.0.0.1:22',
  ]) {
    const sessionId = await session()
    await assign(sessionId, address)
    const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
    assert.equal((await client.got('error')).error.code, 'RUNNER_REFUSED', address)
  }
})

test('a runner that never answers, answers nonsense or hangs up is given up, and its sockets are closed', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const limits = { dialTimeoutMs: 50, dialRetryMs: 100 }
  const answers = [
    (): string => '',
    (): string => 'nonsense\r\n\r\n',
    (request: string): string => acceptText(request).replace(/Accept: ./, 'Accept: _'),
    (request: string): string =>
      acceptText(request).replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: x\r\n\r\n'),
    (): string => 'x'.repeat(20_000),
  ]
  for (const [i, answer] of answers.entries()) {
    const open = new Set<unknown>()
    const address = await rawRunnerEnd(
      t,
      folder,
      (socket) => {
        open.add(socket)
        socket.on('close', () => open.delete(socket))
        socket.once('data', (data) => socket.write(answer(data.toString())))
        socket.on('end', () => socket.end())
      },
      `raw-${i}.sock`,
    )
    const gateway = await start({ limits })
    const sessionId = await session()
    await assign(sessionId, address)
    const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
    const { error } = await client.got('error')
    assert.match(error.code, /^RUNNER_(?:UNREACHABLE|REFUSED)$/, String(i))
    await waitFor(() => open.size === 0, { what: 'no open dial' })
  }
})

test('a runner that is just coming up is tried again', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const sessionId = await session()
  await assign(sessionId, `unix:${folder}/late.sock`)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const dialled = 'cliscale_gateway_dials_total{result="runner_unreachable"}'
  await waitFor(async () => (await gateway.metrics.metrics()).includes(dialled), { what: 'a failed dial' })
  const runner = await runnerEnd(t, folder, { name: 'late.sock' })
  const { socket } = await runner.next()
  socket.send(Buffer.from('0here'))
  await client.got('output')
})

test('a client that goes while the runner is dialled leaves nothing behind', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: FAST })
  const dials: string[] = []
  let ended = 0
  const address = await rawRunnerEnd(t, folder, (socket) => {
    socket.once('data', () => dials.push('dial'))
    socket.on('end', () => {
      ended += 1
      socket.end()
    })
  })
  const sessionId = await session()
  await assign(sessionId, address)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  await waitFor(() => dials.length === 1, { what: 'the dial' })
  client.socket.terminate()
  await waitFor(() => ended === 1, { what: 'the dial to be given up' })
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
})

test('a database that goes away while a client waits is asked again', async (t) => {
  const { start, session, assign, token, folder, store } = await stage(t)
  let away = false
  let asked = 0
  const sessions = {
    target: (id: string) => {
      asked += 1
      return away ? Promise.reject(new CodedError('DATABASE_UNAVAILABLE')) : store.sessions.target(id)
    },
  }
  const gateway = await start({ sessions })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  await waitFor(() => asked === 1, { what: 'the first look' })
  away = true
  await assign(sessionId, runner.address)
  await waitFor(() => asked > 3, { what: 'more looks' })
  assert.equal(client.closed, null)
  away = false
  await runner.next()
})

test('a waiting client that pings and does not read is not read either', async (t) => {
  const { start, session, token } = await stage(t)
  const gateway = await start()
  const sessionId = await session()
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  client.socket.pause()
  let still = 0
  const full = (): boolean => {
    still += 1
    for (; client.socket.bufferedAmount < 1 << 20; still = 0) {
      for (let i = 0; i < 1_000; i += 1) client.socket.ping('x'.repeat(125))
    }
    return still > 20
  }
  await waitFor(full, { what: 'the client to be held back', withinMs: 30_000 })
  const buffered = /cliscale_gateway_buffered_bytes (\d+)/.exec(await gateway.metrics.metrics())?.[1]
  assert.ok(Number(buffered) < 1_000_000, `${buffered} bytes`)
})

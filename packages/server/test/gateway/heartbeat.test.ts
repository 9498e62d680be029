import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../support/wait-for.ts'
import { joined } from './support/joined.ts'
import { runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal, opened } from './support/terminal-client.ts'

const FAST = { tickMs: 5, pingIntervalMs: 50, pongTimeoutMs: 50, closeTimeoutMs: 50 }

test('a quiet client is pinged and lives; one that does not answer is ended after two misses', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: FAST })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const alive = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const dead = await opened(
    connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId), autoPong: false }),
  )
  const pongs: string[] = []
  const first = await runner.next()
  first.socket.on('pong', (data: Buffer) => pongs.push(data.toString()))
  await runner.next()
  assert.deepEqual(await dead.over(), { code: 1006, reason: '' })
  assert.equal(dead.pings.length, 2)
  await waitFor(() => alive.pings.length > 5, { what: 'many pings' })
  assert.equal(alive.closed, null)
  const text = await gateway.metrics.metrics()
  assert.match(text, /heartbeat_timeouts_total 1/)
  assert.match(text, /ping_rtt_seconds_count [1-9]/)
  assert.deepEqual(pongs, [], "the answers to the gateway's pings are not the runner's")
})

test('a client that is sent something all the time is not pinged', async (t) => {
  const {
    client,
    connection: { socket },
  } = await joined(t, { limits: { ...FAST, pingIntervalMs: 400 } })
  const timer = setInterval(() => socket.send(Buffer.from('0.')), 10)
  t.after(() => clearInterval(timer))
  await waitFor(() => client.messages.length > 100, { what: 'output for a second' })
  assert.equal(client.pings.length, 0)
})

test("the runner's pings reach the client and the client's answers the runner", async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const { socket } = await runner.next()
  const pongs: string[] = []
  socket.on('pong', (data: Buffer) => pongs.push(data.toString()))
  socket.ping('from the runner')
  await waitFor(() => pongs.length === 1, { what: 'the pong' })
  assert.deepEqual(pongs, ['from the runner'])
})

test('a terminal that is open for very long is asked to come back', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { ...FAST, maxLifetimeMs: 100 } })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const { code, reason } = await client.over()
  assert.equal(code, 1012)
  assert.equal(reason, 'DRAINING')
  assert.ok(((await client.got('error')).error.retryAfterMs ?? -1) >= 0)
  const connection = await runner.next()
  await waitFor(() => connection.closeCode !== 0, { what: 'the runner to see the end' })
})

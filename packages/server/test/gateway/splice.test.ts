import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { seededRandom } from '../support/random.ts'
import { waitFor } from '../support/wait-for.ts'
import { joined } from './support/joined.ts'
import { rawFrame } from './support/raw-frames.ts'
import { acceptText, rawRunnerEnd, runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal, opened, type TerminalClient } from './support/terminal-client.ts'

const random = seededRandom()

test('a client whose session has a runner is joined to it, and bytes pass both ways as they came', async (t) => {
  const { start, session, assign, token, folder, secrets } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  const runnerId = await assign(sessionId, runner.address)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  assert.equal(client.socket.protocol, 'cliscale.v1')
  client.send({ type: 'hello', v: 1, columns: 80, rows: 24 })

  const connection = await runner.next()
  const { headers } = connection.request
  assert.equal(headers['x-cliscale-runner'], runnerId)
  assert.equal(headers.authorization, `Bearer ${secrets.of(runnerId)}`)
  assert.equal(headers['x-cliscale-role'], 'driver')
  assert.match(String(headers['x-request-id']), /^req_/)
  assert.equal(headers['sec-websocket-protocol'], 'cliscale.v1')
  assert.equal(headers['sec-websocket-extensions'], undefined)
  await waitFor(() => connection.received.length === 1, { what: 'the hello' })
  assert.deepEqual(JSON.parse(connection.received[0]!), { v: 1, columns: 80, rows: 24 })

  connection.socket.send(Buffer.from('0hello'))
  const output = await client.got('output')
  assert.equal(Buffer.from(output.data).toString(), 'hello')
  client.send({ type: 'input', data: Buffer.from('ls\r') })
  await waitFor(() => connection.received.length === 2, { what: 'the input' })
  assert.equal(connection.received[1], '0ls\r')

  connection.socket.close(1000, 'exited')
  assert.deepEqual(await client.over(), { code: 1000, reason: 'exited' })
  await waitFor(() => gateway.gateway.connections === 0, { what: 'the connection to be gone' })
})

test('an observer is seen as one by the runner and cannot type; trying to drive ends the connection', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const url = gateway.url(sessionId)
  const client = await opened(connectTerminal(t, url, { token: await token(sessionId, 'observer') }))
  client.send({ type: 'hello', v: 1, columns: 80, rows: 24 })
  client.send({ type: 'input', data: Buffer.from('rm -rf /\r') })
  client.send({ type: 'resize', columns: 10, rows: 10 })
  client.send({ type: 'credit', offset: 5 })
  const { received, request } = await runner.next()
  assert.equal(request.headers['x-cliscale-role'], 'observer')
  await waitFor(() => received.includes('A5'), { what: 'the credit' })
  assert.deepEqual(
    received.map((text) => text[0]),
    ['{', 'A'],
  )
  client.send({ type: 'drive' })
  assert.equal((await client.got('error')).error.code, 'ROLE_REFUSED')
  assert.equal((await client.over()).code, 4403)
  assert.match(await gateway.metrics.metrics(), /frames_dropped_total\{reason="viewer_input"\} 2/)
})

test('a frame over the limit is refused with 1009, and the runner never sees it', async (t) => {
  const { client, connection } = await joined(t)
  client.socket.send(Buffer.from('0fine'))
  client.socket.send(Buffer.alloc(65_536, 0x30))
  await waitFor(() => connection.received.length === 2, { what: 'the largest message' })
  client.socket.send(Buffer.alloc(65_537, 0x30))
  assert.equal((await client.got('error')).error.code, 'FRAME_TOO_LARGE')
  assert.equal((await client.over()).code, 1009)
  await waitFor(() => connection.closeCode !== 0, { what: 'the runner to see the end' })
  assert.equal(connection.received.length, 2)
})

test('a frame whose length is over every limit is refused before its payload comes', async (t) => {
  const { client, connection } = await joined(t)
  const header = [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9]
  const { _socket: raw } = client.socket as unknown as { readonly _socket: Socket }
  raw.write(Buffer.from(header))
  assert.equal((await client.got('error')).error.code, 'FRAME_TOO_LARGE')
  assert.equal((await client.over()).code, 1009)
  await waitFor(() => connection.closeCode !== 0, { what: 'the runner to see the end' })
  assert.equal(connection.received.length, 0)
})

/** `bytes` bytes in messages of `size`, each with its number, as fast as the socket takes them. */
async function flood(socket: WebSocket, bytes: number, size: number): Promise<string> {
  const hash = createHash('sha256')
  for (let sent = 0; sent < bytes; sent += size) {
    const payload = Buffer.alloc(Math.min(size, bytes - sent) + 1, 0x30)
    payload.write(String(sent), 1)
    hash.update(payload.subarray(1))
    socket.send(payload)
    if (socket.bufferedAmount > 1 << 20) {
      await waitFor(() => socket.bufferedAmount < 1 << 18, { what: 'room', withinMs: 60_000 })
    }
  }
  return hash.digest('hex')
}

test('a numbered stream of 50 MB arrives unchanged through a client that stalls at random', async (t) => {
  const {
    client,
    connection: { socket },
  } = await joined(t)
  const hash = createHash('sha256')
  let got = 0
  client.socket.on('message', (data: Buffer) => {
    hash.update(data.subarray(1))
    got += data.length - 1
    client.messages.length = 0
    if (random() > 0.02 || client.socket.isPaused) return
    client.socket.pause()
    setTimeout(() => client.socket.resume(), random() * 20)
  })
  const total = 50_000_000
  const sent = await flood(socket, total, 16_000)
  await waitFor(() => got === total, { what: 'every byte', withinMs: 60_000 })
  assert.equal(hash.digest('hex'), sent)
})

test('a paste of 20 MB arrives unchanged at a runner that stalls at random', async (t) => {
  const {
    client,
    connection: { socket, received, chunks },
  } = await joined(t)
  const hash = createHash('sha256')
  let got = 0
  socket.on('message', (data: Buffer) => {
    hash.update(data.subarray(1))
    got += data.length - 1
    received.length = 0
    chunks.length = 0
    if (random() > 0.02 || socket.isPaused) return
    socket.pause()
    setTimeout(() => socket.resume(), random() * 20)
  })
  const total = 20_000_000
  const sent = await flood(client.socket, total, 16_000)
  await waitFor(() => got === total, { what: 'every byte', withinMs: 60_000 })
  assert.equal(hash.digest('hex'), sent)
})

test('many streams through one gateway, each stalling at random, do not mix', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const streams = Array.from({ length: 8 }, async () => {
    const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
    const hash = createHash('sha256')
    let got = 0
    client.socket.on('message', (data: Buffer) => {
      hash.update(data.subarray(1))
      got += data.length - 1
      client.messages.length = 0
      if (random() > 0.02 || client.socket.isPaused) return
      client.socket.pause()
      setTimeout(() => client.socket.resume(), random() * 30)
    })
    const { socket } = await runner.next()
    const total = 6_000_000
    // The connections are taken in the order in which they came, not in that of the clients: any will do for its digest.
    const sent = await flood(socket, total, 500 + Math.floor(random() * 20_000))
    return {
      sent,
      seen: async () => (
        await waitFor(() => got === total, { what: 'every byte', withinMs: 60_000 }),
        hash.digest('hex')
      ),
    }
  })
  const ended = await Promise.all(streams)
  const seen = await Promise.all(ended.map((one) => one.seen()))
  assert.deepEqual(seen.toSorted(), ended.map(({ sent }) => sent).toSorted())
})

test('a client that does not read holds its runner back, costs a bounded amount and is read to the end later', async (t) => {
  const {
    gateway,
    client,
    connection: { socket },
  } = await joined(t)
  client.socket.pause()
  const chunk = Buffer.alloc(16_001, 0x30)
  let sent = 0
  const full = (): boolean => {
    for (; socket.bufferedAmount < 1 << 20; sent += 16_000) socket.send(chunk)
    return socket.bufferedAmount >= 1 << 20
  }
  const reading = async (name: string): Promise<number> =>
    Number(new RegExp(`cliscale_gateway_${name} (\\d+)`).exec(await gateway.metrics.metrics())?.[1])
  await waitFor(async () => full() && (await reading('paused_connections\\{side="runner"\\}')) === 1, {
    what: 'the runner to be held back',
  })
  assert.ok((await reading('buffered_bytes')) <= 262_144)
  let got = 0
  client.socket.on('message', (data: Buffer) => {
    got += data.length - 1
    client.messages.length = 0
  })
  client.socket.resume()
  await waitFor(() => got === sent, { what: 'all bytes', withinMs: 30_000 })
  assert.equal(await reading('paused_connections\\{side="runner"\\}'), 0)
})

test('stalled clients are cut off, the longest-stalled first, when all together hold back too much', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { maxBufferedBytes: 300_000, closeTimeoutMs: 50, tickMs: 10 } })
  const runner = await runnerEnd(t, folder)
  const chunk = Buffer.alloc(16_001, 0x30)
  const clients: TerminalClient[] = []
  for (let i = 0; i < 3; i += 1) {
    const sessionId = await session()
    await assign(sessionId, runner.address)
    const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
    client.socket.pause()
    clients.push(client)
    const { socket } = await runner.next()
    const held = new RegExp(`paused_connections\\{side="runner"\\} ${i + 1}|shed_total 1`)
    await waitFor(
      async () => {
        for (; socket.bufferedAmount < 1 << 20 && socket.readyState === WebSocket.OPEN;) socket.send(chunk)
        return held.test(await gateway.metrics.metrics())
      },
      { what: 'a stalled client' },
    )
  }
  await waitFor(() => gateway.gateway.connections === 2, { what: 'one to be cut off' })
  for (const client of clients) client.socket.resume()
  await waitFor(() => clients[0]?.closed, { what: 'the longest-stalled client to notice' })
  assert.equal(clients[2]?.closed, null)
})

test('PAUSE of a tty client stops its output until RESUME, without the runner hearing of it', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const client = await opened(
    connectTerminal(t, gateway.url(sessionId), { protocols: ['tty'], token: await token(sessionId) }),
  )
  const { socket, received } = await runner.next()
  client.send({ type: 'pause' })
  client.send({ type: 'input', data: Buffer.from('x') })
  await waitFor(() => received.length === 1, { what: 'the input behind PAUSE' })
  const chunk = Buffer.alloc(16_001, 0x30)
  await waitFor(
    () => {
      for (let n = 0; n < 100 && socket.bufferedAmount < 1 << 20; n += 1) socket.send(chunk)
      return socket.bufferedAmount >= 1 << 20
    },
    { what: 'the runner to be held back' },
  )
  const before = client.messages.length
  client.send({ type: 'input', data: Buffer.from('y') })
  await waitFor(() => received.length === 2, { what: 'more input' })
  assert.ok(client.messages.length - before <= 10)
  client.send({ type: 'resume' })
  await waitFor(() => socket.bufferedAmount === 0, { what: 'the output to flow' })
  assert.deepEqual(received, ['0x', '0y'])
})

test('a ping goes between two messages of the runner, never into one', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { tickMs: 5, pingIntervalMs: 20, pongTimeoutMs: 5_000 } })
  const sessionId = await session()
  const parts: Socket[] = []
  const address = await rawRunnerEnd(t, folder, (socket) => {
    socket.once('data', (data) => {
      socket.write(acceptText(data.toString()))
      parts.push(socket)
    })
  })
  await assign(sessionId, address)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  const runner = await waitFor(() => parts[0], { what: 'the dial' })
  await waitFor(() => client.pings.length > 0, { what: 'a ping while nothing passes' })
  const message = rawFrame({ opcode: 2, payload: Buffer.from('0hello') })
  runner.write(message.subarray(0, 5))
  const before = client.pings.length
  const due = /cliscale_gateway_frames_total\{direction="out",opcode="binary"\} 1/
  await waitFor(async () => due.test(await gateway.metrics.metrics()), { what: 'the half frame' })
  // Several pings are due while half a message is on its way.
  const since = performance.now()
  await waitFor(() => performance.now() - since > 150, { what: 'time to pass' })
  runner.write(Buffer.concat([message.subarray(5), message, message]))
  await waitFor(() => client.messages.length === 3, { what: 'three whole messages' })
  await waitFor(() => client.pings.length > before, { what: 'the ping that waited' })
})

test('a runner that vanishes is explained: by its exit when the session ended, else as out of reach', async (t) => {
  const { start, session, assign, token, end, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  for (const ended of [true, false]) {
    const sessionId = await session()
    await assign(sessionId, runner.address)
    const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
    const { socket } = await runner.next()
    socket.send(Buffer.from('0x'))
    await client.got('output')
    if (ended) await end(sessionId, 7)
    socket.terminate()
    if (ended) assert.equal((await client.got('exit')).exit.code, 7)
    else assert.equal((await client.got('error')).error.code, 'RUNNER_UNREACHABLE')
    assert.equal((await client.over()).code, ended ? 1000 : 1013)
  }
})

test('a runner that sends no frames is cut off, and what it sent before arrives', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const sessionId = await session()
  const address = await rawRunnerEnd(t, folder, (socket) => {
    socket.once('data', (data) => {
      const good = rawFrame({ opcode: 2, payload: Buffer.from('0good') })
      socket.write(Buffer.concat([Buffer.from(acceptText(data.toString())), good, Buffer.alloc(64, 0xff)]))
    })
  })
  await assign(sessionId, address)
  const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  assert.equal(Buffer.from((await client.got('output')).data).toString(), 'good')
  assert.equal((await client.got('error')).error.code, 'INTERNAL')
  assert.equal((await client.over()).code, 1011)
})

test('what a runner says last arrives although it hangs up and the client is slow', async (t) => {
  const {
    gateway,
    client,
    connection: { socket },
  } = await joined(t, { limits: { tickMs: 10, closeTimeoutMs: 100 } })
  client.socket.pause()
  const total = 8_000_000
  let got = 0
  client.socket.on('message', (data: Buffer) => {
    got += data.length - 1
    client.messages.length = 0
  })
  for (let sent = 0; sent < total; sent += 16_000) socket.send(Buffer.alloc(16_001, 0x30))
  socket.close(1000, 'exited')
  const paused = /paused_connections\{side="runner"\} 1/
  await waitFor(async () => paused.test(await gateway.metrics.metrics()), { what: 'the stall' })
  client.socket.resume()
  assert.deepEqual(await client.over(), { code: 1000, reason: 'exited' })
  assert.equal(got, total)
})

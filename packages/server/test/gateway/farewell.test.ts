import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { GatewayOverrides } from '../../src/server/gateway-role.ts'
import { waitFor } from '../support/wait-for.ts'
import { farewells, type RawClient, rawClient } from './support/raw-client.ts'
import { rawFrame } from './support/raw-frames.ts'
import { acceptText, rawRunnerEnd } from './support/runner-end.ts'
import { type GatewayUnderTest, stage } from './support/stage.ts'

/** A client on a gateway, and the bare socket of its runner. */
interface Bare {
  readonly gateway: GatewayUnderTest
  readonly client: RawClient
  readonly runner: Socket
}

async function bare(
  t: TestContext,
  { polite = true, ...overrides }: GatewayOverrides & { polite?: boolean } = {},
): Promise<Bare> {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start(overrides)
  const { promise, resolve } = Promise.withResolvers<Socket>()
  const address = await rawRunnerEnd(t, folder, (socket) => {
    socket.once('data', (data) => {
      socket.write(acceptText(data.toString()))
      resolve(socket)
    })
  })
  const sessionId = await session()
  await assign(sessionId, address)
  const client = await rawClient(t, gateway.url(sessionId), { token: await token(sessionId), polite })
  return { gateway, client, runner: await promise }
}

const close = (code: number, reason: string): Buffer => {
  const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)])
  return rawFrame({ opcode: 8, payload })
}
const message = (text: string): Buffer => rawFrame({ opcode: 2, payload: Buffer.from(text) })

test('after the close of a runner nothing of it passes on, also when the close came in pieces', async (t) => {
  for (const size of [1, 5, 1_000]) {
    const { client, runner } = await bare(t)
    const bytes = Buffer.concat([
      message('X{}'),
      close(1000, 'exited'),
      message('Elate'),
      close(1011, 'INTERNAL'),
    ])
    for (let at = 0; at < bytes.length; at += size) {
      runner.write(bytes.subarray(at, at + size))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.deepEqual(farewells(await client.end()), ['X', '1000 exited'], `pieces of ${size}`)
  }
})

test('a client that breaks the protocol after the close of its runner is not told a second time', async (t) => {
  const { client, runner } = await bare(t, { polite: false })
  runner.write(Buffer.concat([message('X{}'), close(1000, 'exited')]))
  await waitFor(() => client.frames.some(({ opcode }) => opcode === 8), { what: 'the close' })
  client.send(2, '0x', { rsv: 4 })
  assert.deepEqual(farewells(await client.end()), ['X', '1000 exited'])
})

test('a client that does not answer the close of its runner is gone after the close timeout', async (t) => {
  const { gateway, client, runner } = await bare(t, {
    polite: false,
    limits: { tickMs: 10, closeTimeoutMs: 100 },
  })
  runner.write(close(1000, 'exited'))
  assert.deepEqual(farewells(await client.end()), ['1000 exited'])
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
})

test('of two farewells at once the first whole one counts: the drain of a gateway, or the close of a runner', async (t) => {
  const cases: readonly (readonly [rest: Buffer, expected: RegExp])[] = [
    [close(1000, 'exited'), /^1000 exited$/],
    [Buffer.concat([message('X{}'), close(1000, 'exited')]), /^E 1012 DRAINING$/],
  ]
  for (const [rest, expected] of cases) {
    const { gateway, client, runner } = await bare(t)
    const output = message(`0${'x'.repeat(1_000)}`)
    runner.write(output.subarray(0, 500))
    const socket = client.socket
    await waitFor(() => socket.bytesRead > 500, { what: 'half a message' })
    const drained = gateway.gateway.drain({ windowMs: 0 })
    runner.write(Buffer.concat([output.subarray(500), rest]))
    assert.match(farewells(await client.end()).join(' '), expected)
    await drained
  }
})

test('a runner that sends no frames while a farewell waits for the end of its message is told of once', async (t) => {
  const { gateway, client, runner } = await bare(t)
  const output = message(`0${'x'.repeat(1_000)}`)
  runner.write(output.subarray(0, 500))
  await waitFor(() => client.socket.bytesRead > 500, { what: 'half a message' })
  const drained = gateway.gateway.drain({ windowMs: 0 })
  runner.write(Buffer.concat([output.subarray(500), Buffer.alloc(64, 0xff)]))
  assert.deepEqual(farewells(await client.end()), ['E', '1011 INTERNAL'])
  await drained
})

test('who waits for a runner and says goodbye is answered once; a goodbye that may not be sent is a fault', async (t) => {
  const { start, session, token } = await stage(t)
  const gateway = await start()
  const sessionId = await session()
  const cases: readonly (readonly [payload: readonly number[], expected: readonly string[]])[] = [
    [[], ['1000 ']],
    [[0x03, 0xe8], ['1000 ']],
    [[0x0f, 0xa0], ['4000 ']],
    [[0x03], ['E', '4400 MALFORMED_FRAME']],
    [
      [0x03, 0xed],
      ['E', '4400 MALFORMED_FRAME'],
    ],
    [
      [0x13, 0x88],
      ['E', '4400 MALFORMED_FRAME'],
    ],
  ]
  for (const [payload, expected] of cases) {
    const client = await rawClient(t, gateway.url(sessionId), { token: await token(sessionId) })
    await client.got('P')
    client.send(8, Buffer.from(payload))
    assert.deepEqual(farewells(await client.end()), expected, String(payload))
  }
  const leaving = await rawClient(t, gateway.url(sessionId), { token: await token(sessionId) })
  await leaving.got('P')
  leaving.send(8, Buffer.from([0x03, 0xe8]))
  await waitFor(() => leaving.frames.some(({ opcode }) => opcode === 8), { what: 'the answer' })
  await gateway.gateway.drain({ windowMs: 0 })
  assert.deepEqual(farewells(await leaving.end()), ['1000 '])
})

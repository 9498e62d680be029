import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../support/wait-for.ts'
import { joined } from './support/joined.ts'
import { runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal, opened, refusal, type TerminalClient } from './support/terminal-client.ts'

/** How many of the times lie in the span that begins at one. */
function countFrom(times: readonly number[], from: number, spanMs: number): number {
  return times.filter((at) => at >= from && at < from + spanMs).length
}

test('a drain refuses new terminals, asks all clients to come back spread over the window, and cuts no message', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { tickMs: 20, closeTimeoutMs: 1_000 } })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const url = gateway.url(sessionId)
  const spare = await token(sessionId)
  const clients: TerminalClient[] = []
  const closedAt: number[] = []
  for (let i = 0; i < 40; i += 1) {
    const client = await opened(connectTerminal(t, url, { token: await token(sessionId) }))
    client.socket.on('close', () => closedAt.push(performance.now()))
    clients.push(client)
  }
  await waitFor(() => runner.connections.length === 40, { what: 'all runners' })
  // Every runner goes on sending large messages while its client is let go.
  const timer = setInterval(() => {
    for (const { socket } of runner.connections) {
      if (socket.readyState === socket.OPEN && socket.bufferedAmount < 1 << 18)
        socket.send(Buffer.alloc(40_001, 0x30))
    }
  }, 2)
  t.after(() => clearInterval(timer))
  const typed = clients.map((client) => client.send({ type: 'input', data: Buffer.from('last key') }))
  const drained = gateway.gateway.drain({ windowMs: 2_000, resumeWithinMs: 300 })
  const late = await refusal(connectTerminal(t, url, { token: spare }))
  assert.deepEqual([late.status, late.code], [503, 'DRAINING'])
  await drained
  await waitFor(() => closedAt.length === 40, { what: 'all closes' })
  for (const { closed, messages } of clients) {
    assert.equal(closed?.code, 1012)
    assert.equal(closed.reason, 'DRAINING')
    const last = messages.at(-1)
    assert.ok(last?.type === 'error' && last.error.code === 'DRAINING' && last.error.retryable)
    const { retryAfterMs } = last.error
    assert.ok(retryAfterMs !== undefined && retryAfterMs >= 0 && retryAfterMs < 300)
    const before = messages.slice(0, -1)
    assert.ok(before.every((message) => message.type === 'output' && message.data.length === 40_000))
  }
  // From the first close to the last, because on a busy machine a close comes late behind what was sent before it.
  const spread = Math.max(...closedAt) - Math.min(...closedAt)
  assert.ok(spread >= 1_000, `all closes within ${Math.round(spread)} ms of a window of 2,000`)
  const inOneTenth = Math.max(...closedAt.map((from) => countFrom(closedAt, from, spread / 10)))
  assert.ok(inOneTenth <= 20, `${inOneTenth} of 40 in a tenth of the time`)
  assert.equal(typed.length, 40)
  assert.ok(runner.connections.every(({ received }) => received.includes('0last key')))
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
  assert.match(await gateway.metrics.metrics(), /cliscale_gateway_draining 1/)
})

test('a drain ends clients that do not answer, and lets waiting ones go too', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { tickMs: 10, closeTimeoutMs: 100 } })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const deaf = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  deaf.socket.pause()
  const waitingFor = await session()
  const waiting = await opened(
    connectTerminal(t, gateway.url(waitingFor), { token: await token(waitingFor) }),
  )
  await runner.next()
  await gateway.gateway.drain({ windowMs: 0 })
  assert.equal((await waiting.over()).code, 1012)
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
})

test('close ends everything at once', async (t) => {
  const { gateway, client } = await joined(t)
  gateway.gateway.close()
  gateway.gateway.close()
  assert.equal((await client.over()).code, 1006)
  await waitFor(() => gateway.gateway.connections === 0, { what: 'nobody' })
})

test('an upgrade that is under way when the drain begins is refused', async (t) => {
  const { start, session, token, store } = await stage(t)
  let release: (() => void) | undefined
  const slow: typeof store.tokens.redeem = async (jti) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return store.tokens.redeem(jti)
  }
  const gateway = await start({ tokens: { redeem: slow } })
  const sessionId = await session()
  const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  const go = await waitFor(() => release, { what: 'the pending upgrade' })
  await gateway.gateway.drain({ windowMs: 0 })
  go()
  assert.equal((await refusal(client)).code, 'DRAINING')
})

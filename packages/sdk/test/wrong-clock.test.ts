import assert from 'node:assert/strict'
import { suite, test, type TestContext } from 'node:test'
import { Cliscale, LimitError } from '../src/index.ts'
import { scriptedServer } from './support/scripted-server.ts'
import { waitFor } from './support/wait-for.ts'

const HOUR = 3_600_000

/** A server whose clock is `hours` ahead of the one here; its only session has `lifetimeSeconds` left. */
async function elsewhen(
  t: TestContext,
  hours: number,
  lifetimeSeconds: number,
): Promise<{ client: Cliscale; extended: () => number; tokens: () => number }> {
  const now = (): number => Date.now() + hours * HOUR
  let extended = 0
  let tokens = 0
  const at = (ms: number): string => new Date(now() + ms).toISOString()
  let expiresAt = at(lifetimeSeconds * 1_000)
  const server = await scriptedServer(t, (request, response) => {
    response.setHeader('date', new Date(now()).toUTCString())
    const session = {
      id: 'ses_1',
      state: 'running',
      lifetimeSeconds,
      expiresAt,
      metadata: {},
      phase: null,
      exit: null,
      columns: 80,
      rows: 24,
    }
    const terminal = { url: server.url, token: 'first', role: 'driver', expiresAt: at(60_000) }
    if (request.url?.endsWith('/events') === true) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': here\n\n')
    } else if (request.url?.endsWith('/tokens') === true) {
      tokens += 1
      response.end(JSON.stringify(terminal))
    } else if (request.method === 'POST') {
      response.writeHead(201).end(JSON.stringify({ session, terminal }))
    } else if (request.method === 'PATCH') {
      extended += 1
      expiresAt = at(lifetimeSeconds * 1_000)
      response.end(JSON.stringify({ ...session, expiresAt }))
    } else {
      const headers = { 'retry-after': new Date(now() + 7_000).toUTCString() }
      response.writeHead(429, headers).end('{"error":{"code":"RATE_LIMITED","message":"Slow."}}')
    }
  })
  return {
    client: new Cliscale({ baseUrl: server.httpUrl, maxRetryMs: 0 }),
    extended: () => extended,
    tokens: () => tokens,
  }
}

suite('a clock that is hours off', () => {
  for (const hours of [-2, 0, 2]) {
    test(`changes neither when a session expires nor whether its token is used (${hours} h)`, async (t) => {
      const { client, extended, tokens } = await elsewhen(t, hours, 20)
      const session = await client.sessions.create()
      const startedAt = performance.now()
      let rings = 0
      session.on('expiring', () => {
        rings += 1
        void session.extend(20)
      })
      t.after(() => session.close())
      const left = client.msUntil(session.expiresAt)
      assert.ok(left > 5_000 && left < 21_500, `${left} ms`)
      const terminal = session.connect()
      terminal.on('state', () => undefined)
      await waitFor('a look at the token', () => terminal.state !== 'idle')
      await terminal.close()
      assert.equal(tokens(), 0, 'the token of the create was good')

      // A tenth of the lifetime before its end, so after 18 s: not at once, and not again and again.
      await assert.rejects(client.sessions.list().nextPage(), (error) => {
        assert.ok(error instanceof LimitError)
        assert.ok((error.retryAfterMs ?? 0) >= 6_000 && (error.retryAfterMs ?? 0) <= 8_000)
        return true
      })
      if (performance.now() - startedAt < 15_000) assert.deepEqual([rings, extended()], [0, 0])
    })
  }

  test('an alarm rings in time, once per lifetime, when the clock here is two hours behind', async (t) => {
    const { client, extended } = await elsewhen(t, 2, 3)
    const session = await client.sessions.create()
    let rings = 0
    session.on('expiring', () => {
      rings += 1
      if (rings === 1) void session.extend(3)
    })
    t.after(() => session.close())
    await waitFor('the alarm', () => extended() === 1, 15_000)
    await waitFor('the next one', () => rings === 2, 15_000)
    assert.equal(extended(), 1)
  })
})

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { Clients } from '../../src/http/client.ts'
import { CodedError } from '../../src/http/coded-error.ts'
import { waitFor } from '../support/wait-for.ts'
import { runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal, opened, refusal } from './support/terminal-client.ts'

test('of 100 parallel upgrades with one token over two gateways exactly one succeeds, the others learn why', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateways = [await start(), await start()]
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const once = await token(sessionId)
  const clients = Array.from({ length: 100 }, (_, i) =>
    connectTerminal(t, gateways[i % 2]!.url(sessionId), { token: once }),
  )
  await waitFor(() => clients.filter(({ closed }) => closed !== null).length === 99, { what: '99 refusals' })
  const winners = clients.filter(({ closed }) => closed === null)
  assert.equal(winners.length, 1)
  for (const { closed, messages } of clients.filter((client) => client !== winners[0])) {
    assert.equal(closed?.code, 4401)
    const [message] = messages
    assert.equal(message?.type, 'error')
    assert.equal(message?.type === 'error' && message.error.code, 'TOKEN_USED')
  }
  await runner.next()
  assert.equal(runner.connections.length, 1)
  await waitFor(() => gateways[0]!.gateway.connections + gateways[1]!.gateway.connections === 1, {
    what: 'one open terminal',
  })
})

test('refusals of tokens reach the client as a typed error and a documented close code', async (t) => {
  const { start, session, token, issuer, store } = await stage(t)
  const gateway = await start()
  const sessionId = await session()
  const other = await session()
  const mint = async (ttlSeconds: number): Promise<string> =>
    (await issuer.mint({ sessionId, subject: 'ann', role: 'driver', ttlSeconds })).token
  const good = await token(sessionId)
  const [head = '', body = '', signature = ''] = good.split('.')
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const hs256 = (): string => {
    const signed = `${encode({ alg: 'HS256', typ: 'cliscale-session+jwt', kid: 'x' })}.${body}`
    return `${signed}.${createHmac('sha256', 'x').update(signed).digest('base64url')}`
  }
  const past = encode({ ...claims, iat: 1_000, exp: 1_060 })
  const cases: readonly (readonly [string, string | undefined, string])[] = [
    ['no token', undefined, 'TOKEN_MISSING'],
    ['no JWT', 'nonsense', 'TOKEN_INVALID'],
    ['never stored', await mint(60), 'TOKEN_USED'],
    ['another session', await token(other), 'TOKEN_INVALID'],
    ['a changed signature', `${head}.${body}.${signature.slice(0, -4)}AAAA`, 'TOKEN_INVALID'],
    ['changed claims', `${head}.${encode({ ...claims, role: 'observer' })}.${signature}`, 'TOKEN_INVALID'],
    ['claims of long ago', `${head}.${past}.${signature}`, 'TOKEN_INVALID'],
    ['algorithm none', `${encode({ alg: 'none', typ: 'cliscale-session+jwt' })}.${body}.`, 'TOKEN_INVALID'],
    ['HMAC in place of RSA', hs256(), 'TOKEN_INVALID'],
    [
      'another type',
      `${encode({ alg: 'RS256', typ: 'JWT', kid: 'x' })}.${body}.${signature}`,
      'TOKEN_INVALID',
    ],
  ]
  for (const [name, value, code] of cases) {
    const client = connectTerminal(t, gateway.url(sessionId), value === undefined ? {} : { token: value })
    assert.equal((await client.over()).code, 4401, name)
    const { error } = await client.got('error')
    assert.equal(error.code, code, name)
    assert.match(error.requestId ?? '', /^req_/)
  }
  const late = await issuer.mint({ sessionId, subject: 'ann', role: 'driver', ttlSeconds: 60 })
  await store.tokens.mint(sessionId, {
    jti: late.jti,
    role: 'driver',
    expiresAt: new Date(Date.now() - 1_000),
    accessId: null,
  })
  const client = connectTerminal(t, gateway.url(sessionId), { token: late.token })
  assert.equal((await client.got('error')).error.code, 'TOKEN_EXPIRED')
  assert.equal(gateway.gateway.connections, 0)
})

test('a tty client that is refused gets the close code and the word, and no message that it does not know', async (t) => {
  const { start, session } = await stage(t)
  const gateway = await start()
  const client = connectTerminal(t, gateway.url(await session()), { protocols: ['tty'], token: 'nonsense' })
  const { code, reason } = await client.over()
  assert.equal(code, 4401)
  assert.equal(reason, 'TOKEN_INVALID')
  assert.deepEqual(client.messages, [])
})

test('the token may come in the Authorization header, and the subprotocol is chosen best first', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const headers = { authorization: `Bearer ${await token(sessionId)}` }
  const protocols = ['nonsense', 'tty', 'cliscale.v1']
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { headers, protocols }))
  assert.equal(client.socket.protocol, 'cliscale.v1')
  assert.equal(client.socket.extensions, '')
  const { request } = await runner.next()
  assert.equal(request.headers['sec-websocket-protocol'], 'cliscale.v1')
})

test('pages of other origins are told so on their socket; the own origin, allowed ones and programs are let in', async (t) => {
  const { start, session, token } = await stage(t, ['--public-url=https://terminals.example'])
  const gateway = await start()
  const sessionId = await session()
  const origins: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, true],
    ['https://app.example', true],
    ['https://terminals.example', true],
    [`http://127.0.0.1:${gateway.port}`, true],
    ['https://app.example.evil.example', false],
    ['http://app.example', false],
    ['https://app.example:8443', false],
    ['null', false],
    [`http://127.0.0.1:${gateway.port + 1}`, false],
  ]
  for (const [origin, allowed] of origins) {
    const once = await token(sessionId)
    const client = connectTerminal(t, gateway.url(sessionId), {
      token: once,
      ...(origin === undefined ? {} : { origin }),
    })
    if (allowed) await opened(client)
    else {
      assert.equal((await client.over()).code, 4403, origin)
      assert.equal((await client.got('error')).error.code, 'ORIGIN_REFUSED', origin)
      // The refusal came before the redemption: the token is still good.
      const later = await opened(connectTerminal(t, gateway.url(sessionId), { token: once }))
      assert.equal(later.closed, null)
      later.socket.terminate()
    }
    client.socket.terminate()
  }
})

test('a Host that is not the server is refused', async (t) => {
  const { start, session, token } = await stage(t)
  const gateway = await start()
  const sessionId = await session()
  const headers = { host: 'evil.example' }
  const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId), headers })
  assert.equal((await refusal(client)).code, 'HOST_REFUSED')
})

/** Sends `text` and resolves with everything that comes back until the server closes. */
async function speak(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk.toString()
  })
  socket.write(text)
  await once(socket, 'end')
  socket.destroy()
  return answer
}

function request(path: string, changes: Record<string, string | null> = {}, method = 'GET'): string {
  const headers: Record<string, string | null> = {
    Host: 'localhost',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'cliscale.v1',
    ...changes,
  }
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}\r\n`],
  )
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

test('a malformed handshake gets a coded answer by HTTP', async (t) => {
  const { start } = await stage(t)
  const { port } = await start()
  const path = '/v1/sessions/ses_abc/terminal'
  const cases: readonly (readonly [string, string, number, string])[] = [
    ['an old version', request(path, { 'Sec-WebSocket-Version': '8' }), 426, 'UPGRADE_REQUIRED'],
    ['a short key', request(path, { 'Sec-WebSocket-Key': 'abc' }), 400, 'BAD_REQUEST'],
    ['no key', request(path, { 'Sec-WebSocket-Key': null }), 400, 'BAD_REQUEST'],
    ['no subprotocol', request(path, { 'Sec-WebSocket-Protocol': null }), 400, 'SUBPROTOCOL_REQUIRED'],
    [
      'an unknown subprotocol',
      request(path, { 'Sec-WebSocket-Protocol': 'chat' }),
      400,
      'SUBPROTOCOL_REQUIRED',
    ],
    ['a POST', request(path, {}, 'POST'), 405, 'METHOD_NOT_ALLOWED'],
    ['20 KiB of headers', request(path, { 'X-Long': 'x'.repeat(20_480) }), 431, 'HEADERS_TOO_LARGE'],
    ['no Upgrade header', request(path, { Upgrade: null, Connection: 'close' }), 426, 'UPGRADE_REQUIRED'],
    [
      'another upgrade',
      request(path, { Upgrade: 'h2c', Connection: 'close, Upgrade' }),
      426,
      'UPGRADE_REQUIRED',
    ],
    ['another path', request('/v1/nothing', { Connection: 'close, Upgrade' }), 404, 'NOT_FOUND'],
    ['no HTTP', 'nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
  ]
  for (const [name, text, status, code] of cases) {
    const answer = await speak(port, text)
    assert.equal(Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]), status, `${name}: ${answer}`)
    assert.equal(
      (JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { error: { code: string } }).error.code,
      code,
      name,
    )
  }
})

test('upgrades over the limits are shed with 503 and Retry-After, and the next ones are let in again', async (t) => {
  const { start, session, token, store } = await stage(t)
  const waiting: (() => void)[] = []
  const slow: typeof store.tokens.redeem = async (jti) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
    })
    return store.tokens.redeem(jti)
  }
  const sessionId = await session()
  const limits = { maxPendingUpgrades: 3, maxPendingPerAddress: 2 }
  const gateway = await start({ tokens: { redeem: slow }, limits })
  const first = [await token(sessionId), await token(sessionId)].map((one) =>
    connectTerminal(t, gateway.url(sessionId), { token: one }),
  )
  await waitFor(() => waiting.length === 2, { what: 'two pending upgrades' })
  const shed = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  const { status, code, headers } = await refusal(shed)
  assert.deepEqual([status, code, headers['retry-after']], [503, 'OVERLOADED', '1'])
  for (const go of waiting.splice(0)) go()
  for (const client of first) await opened(client)
  const next = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  await waitFor(() => waiting.length === 1, { what: 'the next upgrade' })
  for (const go of waiting.splice(0)) go()
  await opened(next)
})

test('behind a trusted proxy the limit counts the address that the proxy saw, not what the client claims', async (t) => {
  const { start, session, token, store } = await stage(t)
  const waiting: (() => void)[] = []
  const slow: typeof store.tokens.redeem = async (jti) => {
    await new Promise<void>((resolve) => {
      waiting.push(resolve)
    })
    return store.tokens.redeem(jti)
  }
  const sessionId = await session()
  const gateway = await start({
    tokens: { redeem: slow },
    limits: { maxPendingPerAddress: 1 },
    clients: new Clients(['127.0.0.1']),
  })
  const from = async (forwarded: string) => {
    const headers = { 'x-forwarded-for': forwarded }
    return connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId), headers })
  }
  const first = await from('192.0.2.1')
  await waitFor(() => waiting.length === 1, { what: 'the first' })
  assert.equal((await refusal(await from('198.51.100.7, 192.0.2.1'))).code, 'OVERLOADED')
  const other = await from('192.0.2.1, 198.51.100.7')
  await waitFor(() => waiting.length === 2, { what: 'another address' })
  for (const go of waiting.splice(0)) go()
  await opened(first)
  await opened(other)
})

test('an upgrade whose token cannot be checked in time is answered, and what comes later changes nothing', async (t) => {
  const { start, session, token, store } = await stage(t)
  let release: (() => void) | undefined
  const slow: typeof store.tokens.redeem = async (jti) => {
    await new Promise<void>((resolve) => {
      release = resolve
    })
    return store.tokens.redeem(jti)
  }
  const sessionId = await session()
  const gateway = await start({ tokens: { redeem: slow }, limits: { handshakeTimeoutMs: 50 } })
  const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
  assert.equal((await client.got('error')).error.code, 'HANDSHAKE_TIMEOUT')
  assert.equal((await client.over()).code, 4408)
  release?.()
  await waitFor(
    async () => (await gateway.metrics.metrics()).includes('cliscale_gateway_pending_upgrades 0'),
    {
      what: 'no pending upgrade',
    },
  )
  assert.equal(gateway.gateway.connections, 0)
})

test('a database that is away is a retryable refusal, and an unexpected error is not shown', async (t) => {
  const { start, session, token } = await stage(t)
  const sessionId = await session()
  const failures = [new CodedError('DATABASE_UNAVAILABLE'), new Error('secret detail')]
  const codes = [
    ['DATABASE_UNAVAILABLE', 1013],
    ['INTERNAL', 1011],
  ] as const
  for (const [i, failure] of failures.entries()) {
    const gateway = await start({ tokens: { redeem: () => Promise.reject(failure) } })
    const client = connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) })
    const { error } = await client.got('error')
    assert.equal(error.code, codes[i]?.[0])
    assert.equal(error.retryable, true)
    assert.ok(!error.message.includes('secret'))
    assert.equal((await client.over()).code, codes[i]?.[1])
  }
})

test('a refused client that does not close gets its socket closed', async (t) => {
  const { start, session } = await stage(t)
  const { port } = await start({ limits: { closeTimeoutMs: 50, tickMs: 10 } })
  const answer = await speak(port, request(`/v1/sessions/${await session()}/terminal`))
  assert.match(answer, /^HTTP\/1\.1 101 /)
  assert.match(answer, /TOKEN_MISSING/)
})

test('logs and answers hold no token', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const good = await token(sessionId)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: good }))
  await runner.next()
  const again = connectTerminal(t, gateway.url(sessionId), { token: good })
  await again.over()
  client.socket.close()
  await waitFor(() => gateway.logLines.some((line) => line.includes('Closed a terminal')), {
    what: 'the log',
  })
  const opens = gateway.logLines.filter((line) => line.includes('Opened a terminal'))
  assert.equal(opens.length, 1)
  assert.ok(gateway.logLines.every((line) => !line.includes(good.slice(0, 20)) && !line.includes('bearer')))
})

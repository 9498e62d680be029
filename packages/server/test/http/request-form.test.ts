import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { ErrorBody } from '@cliscale/sdk/protocol'
import { bodyOf, sendRaw } from '../support/http-app.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

const WEBSOCKET = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  'Sec-WebSocket-Protocol: cliscale.v1',
]

const TERMINAL = '/v1/sessions/ses_0123456789abcdefghijkl/terminal'

interface Listener {
  readonly name: string
  readonly port: number
  /** An address that answers an ordinary GET. */
  readonly path: string
}

function listenersOf({ baseUrl, internalUrl }: TestServer): readonly Listener[] {
  return [
    { name: 'public', port: Number(new URL(baseUrl).port), path: '/healthz' },
    { name: 'internal', port: Number(new URL(internalUrl).port), path: '/healthz' },
    { name: 'gateway', port: Number(new URL(baseUrl).port), path: TERMINAL },
  ]
}

/** Lines of a request and what follows its headers. */
type Attack = (listener: Listener) => readonly [readonly string[], string?]

const host = ({ port }: Listener): string => `Host: 127.0.0.1:${port}`
const upgradeOf = (listener: Listener): readonly string[] => (listener.path === TERMINAL ? WEBSOCKET : [])

const ATTACKS: Readonly<Record<string, Attack>> = {
  'two Host headers': (at) => [[`GET ${at.path} HTTP/1.1`, host(at), 'host: evil.example', ...upgradeOf(at)]],
  'the same Host twice': (at) => [[`GET ${at.path} HTTP/1.1`, host(at), host(at), ...upgradeOf(at)]],
  'no Host header': (at) => [[`GET ${at.path} HTTP/1.1`, ...upgradeOf(at)]],
  'a target in absolute form': (at) => [
    [`GET http://127.0.0.1:${at.port}${at.path} HTTP/1.1`, host(at), ...upgradeOf(at)],
  ],
  'a target in absolute form of another host': (at) => [
    [`GET http://evil.example${at.path} HTTP/1.1`, host(at), ...upgradeOf(at)],
  ],
  'Transfer-Encoding with Content-Length': (at) => [
    [
      `POST ${at.path} HTTP/1.1`,
      host(at),
      'Transfer-Encoding: chunked',
      'Content-Length: 3',
      ...upgradeOf(at),
    ],
    '0\r\n\r\n',
  ],
  'Content-Length twice': (at) => [
    [`POST ${at.path} HTTP/1.1`, host(at), 'Content-Length: 3', 'Content-Length: 5', ...upgradeOf(at)],
    'abc',
  ],
  'an upgrade with a body': (at) => [
    [`GET ${at.path} HTTP/1.1`, host(at), ...WEBSOCKET, 'Content-Length: 3'],
    'abc',
  ],
  'an upgrade with a body in chunks': (at) => [
    [`GET ${at.path} HTTP/1.1`, host(at), ...WEBSOCKET, 'Transfer-Encoding: chunked'],
    '3\r\nabc\r\n0\r\n\r\n',
  ],
}

/** The answer up to the end of the connection, which must come. */
async function answerTo(listener: Listener, name: string, bytes: string): Promise<string> {
  const socket = connect(listener.port, '127.0.0.1')
  let answer = ''
  let closed = false
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  socket.on('error', () => undefined).on('close', () => (closed = true))
  socket.write(bytes)
  try {
    await waitFor(() => closed, { what: `the end of the connection (${listener.name}: ${name})` })
  } catch (error) {
    throw new Error(`${String(error)} ${JSON.stringify(answer)}`, { cause: error })
  } finally {
    socket.destroy()
  }
  return answer
}

test('requests that two programs may read in two ways are a coded 400 on every listener', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  for (const listener of listenersOf(server))
    for (const [name, attack] of Object.entries(ATTACKS)) {
      const [lines, rest = ''] = attack(listener)
      const closing = lines.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: close']
      const bytes = [...lines, ...closing, '', rest].join('\r\n')
      const answer = await answerTo(listener, name, bytes)
      const what = `${listener.name}: ${name}: ${answer.slice(0, 200)}`
      assert.match(answer, /^HTTP\/1\.1 400 /, what)
      const { error } = bodyOf(answer) as ErrorBody
      assert.equal(error.code, 'BAD_REQUEST', what)
      assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, what)
    }
})

test('ordinary requests of all forms are answered', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const [open, internal] = listenersOf(server)
  assert.ok(open !== undefined && internal !== undefined)
  const ask = async (at: Listener, ...lines: string[]): Promise<string> =>
    (await sendRaw(at.port, [...lines, 'Connection: close', '', ''].join('\r\n'))).slice(0, 12)
  for (const at of [open, internal]) {
    assert.equal(await ask(at, 'GET /healthz HTTP/1.1', host(at)), 'HTTP/1.1 200')
    // As curl --http2 asks, which takes the answer of any version.
    const h2c = ['Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
    assert.equal(await ask(at, 'GET /healthz HTTP/1.1', host(at), ...h2c), 'HTTP/1.1 200')
  }
  assert.equal(await ask(open, 'OPTIONS * HTTP/1.1', host(open)), 'HTTP/1.1 204')
  // As probes of old balancers ask.
  assert.equal(await ask(internal, 'GET /healthz HTTP/1.0'), 'HTTP/1.1 200')
})

test('an upgrade that a listener does not serve is answered as if it were none', async (t) => {
  const server = await startTestServer(t, { flags: ['--mode=controller', '--spare-runners=0'] })
  for (const listener of listenersOf(server)) {
    const lines = [
      `GET ${listener.path} HTTP/1.1`,
      host(listener),
      ...WEBSOCKET.slice(1),
      'Connection: upgrade, close',
    ]
    const answer = await answerTo(listener, 'an upgrade', [...lines, '', ''].join('\r\n'))
    assert.match(answer, listener.path === TERMINAL ? /^HTTP\/1\.1 404 / : /^HTTP\/1\.1 200 /, listener.name)
  }
})

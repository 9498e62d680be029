import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'

import { RUNNER_ID_HEADER, RUNNER_PATHS, TTY_SUBPROTOCOL } from '@cliscale/sdk/protocol'
import fc from 'fast-check'

import { startRunner, type TestRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

function errorCode(body: string): string {
  return (JSON.parse(body) as { error: { code: string } }).error.code
}

test('every path but health needs this runner’s id and secret', async (t) => {
  const runner = await startRunner(t)
  const right = runner.headers
  const { status, events, assign, stop, update, terminal } = RUNNER_PATHS
  for (const path of [status, events, assign, stop, update, terminal, '/', '/v1/other']) {
    const refused = async (headers: Record<string, string>): Promise<string> => {
      const answer = await runner.request('GET', path, undefined, headers)
      return `${answer.status} ${errorCode(answer.body)}`
    }
    assert.equal(await refused({}), '403 FORBIDDEN')
    assert.equal(await refused({ ...right, [RUNNER_ID_HEADER]: 'run_other' }), '403 FORBIDDEN')
    assert.equal(await refused({ ...right, authorization: 'Bearer wrong' }), '401 UNAUTHENTICATED')
    assert.equal(await refused({ [RUNNER_ID_HEADER]: runner.runnerId }), '401 UNAUTHENTICATED')
  }
  assert.equal((await runner.request('GET', '/healthz', undefined, {})).body, 'ok')
})

const BAD_ASSIGNMENTS: readonly (readonly [
  what: string,
  change: Record<string, unknown>,
  status: number,
  code: string,
])[] = [
  ['an unknown field', { color: 'red' }, 422, 'UNKNOWN_FIELD'],
  ['no command', { command: '' }, 422, 'VALIDATION_FAILED'],
  ['a NUL in the command', { command: 'a\0b' }, 422, 'VALIDATION_FAILED'],
  ['arguments that are no list', { args: 'x' }, 422, 'VALIDATION_FAILED'],
  ['an argument that is no string', { args: [1] }, 422, 'VALIDATION_FAILED'],
  ['too many arguments', { args: Array.from({ length: 257 }, () => '') }, 422, 'VALIDATION_FAILED'],
  ['a bad variable name', { env: { 'A=B': 'x' } }, 422, 'VALIDATION_FAILED'],
  ['too large an environment', { env: { A: 'x'.repeat(131_072) } }, 422, 'VALIDATION_FAILED'],
  ['half a column', { columns: 1.5 }, 422, 'VALIDATION_FAILED'],
  ['no end', { expiresAtMs: null }, 422, 'VALIDATION_FAILED'],
  ['a small ring', { ringBytes: 1 }, 422, 'VALIDATION_FAILED'],
  ['a bundle without a digest', { bundle: { url: 'https://x/' } }, 422, 'VALIDATION_FAILED'],
]

test('assignments that break the contract are refused with a code, and leave the runner blank', async (t) => {
  const runner = await startRunner(t)
  for (const [what, change, status, code] of BAD_ASSIGNMENTS) {
    const answer = await runner.request('POST', RUNNER_PATHS.assign, { ...runner.assignment(), ...change })
    assert.deepEqual([answer.status, errorCode(answer.body)], [status, code], what)
  }
  const raw = async (body: string): Promise<string> =>
    errorCode((await runner.request('POST', RUNNER_PATHS.assign, body)).body)
  assert.equal(await raw('{"sessionId":'), 'MALFORMED_JSON')
  assert.equal(await raw('[]'), 'BAD_REQUEST')
  assert.equal(await raw('x'.repeat(2_200_000)), 'BODY_TOO_LARGE')
  assert.equal((await runner.status()).state, 'blank')
})

test('a body that is too large is refused while it is still being sent, and its sender learns why', async (t) => {
  const runner = await startRunner(t)
  const { socketPath, headers } = runner
  const request = httpRequest({ socketPath, method: 'POST', path: RUNNER_PATHS.assign, headers })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  request.write('x'.repeat(2_100_000))
  const [response] = await answered
  assert.equal(response.statusCode, 413)
  request.end('x'.repeat(100_000))
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  assert.equal(errorCode(Buffer.concat(chunks).toString()), 'BODY_TOO_LARGE')
  assert.equal((await runner.status()).state, 'blank')
})

test('a second assignment is refused, the same one is not', async (t) => {
  const runner = await startRunner(t)
  const first = await runner.assign({ command: 'cat' })
  assert.equal((await runner.request('POST', RUNNER_PATHS.assign, first)).status, 202)
  const other = await runner.request('POST', RUNNER_PATHS.assign, runner.assignment())
  assert.deepEqual([other.status, errorCode(other.body)], [409, 'CONFLICT'])
})

test('upgrades without role, subprotocol or session are refused with a body', async (t) => {
  const runner = await startRunner(t)
  const upgrade = async (headers: Record<string, string>): Promise<string> => {
    const socket = connect(runner.socketPath)
    const lines = {
      host: 'x',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    }
    socket.write(
      `GET ${RUNNER_PATHS.terminal} HTTP/1.1\r\n${Object.entries(lines)
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join('')}\r\n`,
    )
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await once(socket, 'close')
    return `${text.slice(9, 12)} ${errorCode(text.slice(text.indexOf('\r\n\r\n')))}`
  }
  const role = { 'x-cliscale-role': 'driver' }
  const tty = { 'sec-websocket-protocol': 'tty' }
  assert.equal(await upgrade({}), '403 FORBIDDEN')
  assert.equal(await upgrade({ ...runner.headers, ...tty }), '400 BAD_REQUEST')
  assert.equal(await upgrade({ ...runner.headers, ...role, ...tty }), '409 CONFLICT')
  await runner.assign({ command: 'cat' })
  assert.equal(await upgrade({ ...runner.headers, ...role }), '400 SUBPROTOCOL_REQUIRED')
  assert.equal(await upgrade({ ...runner.headers, 'x-cliscale-role': 'root', ...tty }), '400 BAD_REQUEST')
})

async function stillServes(runner: TestRunner): Promise<void> {
  const terminal = await runner.connect()
  await terminal.attached()
  terminal.type('still here\r')
  await terminal.shows('still here')
  await terminal.close()
}

test('messages that break the protocol close their own socket with a typed error', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const cases: readonly (readonly [string, string])[] = [
    ['0typed before the hello', 'MALFORMED_FRAME'],
    ['', 'MALFORMED_FRAME'],
    ['{"columns":80}', 'MALFORMED_FRAME'],
    ['{not json', 'MALFORMED_FRAME'],
    ['{"v":99,"columns":80,"rows":24}', 'PROTOCOL_VERSION_UNSUPPORTED'],
    ['{"columns":80,"rows":24}', 'PROTOCOL_VERSION_UNSUPPORTED'],
    ['\xff', 'MALFORMED_FRAME'],
  ]
  for (const [message, code] of cases) {
    const terminal = await runner.connect({ hello: false })
    terminal.socket.send(Buffer.from(message, 'latin1'))
    assert.equal((await terminal.message('error')).error.code, code, message)
    await waitFor('the close', () => terminal.closed)
    assert.equal(terminal.closed?.code, 4400)
  }
  const ahead = await runner.connect()
  await ahead.attached()
  ahead.credit(1_000_000)
  assert.equal((await ahead.message('error')).error.code, 'MALFORMED_FRAME')
  const large = await runner.connect()
  await large.attached()
  large.socket.send(Buffer.alloc(65_537, '0'))
  await waitFor('the close', () => large.closed)
  assert.equal(large.closed?.code, 1009)
  await stillServes(runner)
})

test('no bytes on a terminal socket harm the runner', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const message = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc
      .tuple(fc.constantFrom('{', '0', '1', '2', '3', 'A', 'D', 'H'), fc.string())
      .map(([opcode, rest]) => Buffer.from(opcode + rest)),
  )
  const property = fc.asyncProperty(
    fc.array(message, { minLength: 1, maxLength: 20 }),
    fc.boolean(),
    fc.constantFrom('cliscale.v1' as const, TTY_SUBPROTOCOL),
    async (messages, hello, protocol) => {
      const terminal = await runner.connect({ hello, protocol, role: 'observer' })
      for (const bytes of messages) terminal.socket.send(bytes)
      terminal.socket.close()
      await waitFor('the close', () => terminal.closed)
    },
  )
  await fc.assert(property, { numRuns: 60 })
  await stillServes(runner)
})

test('no bytes on the port harm the runner', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const start = fc.constantFrom(
    '',
    'GET / HTTP/1.1\r\n',
    'POST /v1/assign HTTP/1.1\r\ncontent-length: 9\r\n',
    'PRI * HTTP/2.0\r\n',
  )
  const property = fc.asyncProperty(start, fc.uint8Array({ maxLength: 2_000 }), async (head, bytes) => {
    const socket = connect(runner.socketPath)
    socket.on('error', () => {})
    socket.end(Buffer.concat([Buffer.from(head), bytes]))
    socket.resume()
    await once(socket, 'close')
  })
  await fc.assert(property, { numRuns: 100 })
  await stillServes(runner)
})

test('headers over 16 KiB are refused', async (t) => {
  const runner = await startRunner(t)
  const answer = await runner.request('GET', '/healthz', undefined, { 'x-large': 'x'.repeat(20_000) })
  assert.equal(answer.status, 431)
})

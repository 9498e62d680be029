import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { type ErrorBody, ERRORS, isErrorCode, MAX_BODY_BYTES } from '@cliscale/sdk/protocol'
import { CodedError } from '../../src/http/coded-error.ts'
import { bodyOf, sendRaw, startApp } from '../support/http-app.ts'

const Body = Type.Object(
  {
    name: Type.String({ maxLength: 5 }),
    size: Type.Optional(Type.Integer({ minimum: 1 })),
    kind: Type.Optional(Type.Enum(['a', 'b'])),
    env: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
)
const Query = Type.Object(
  { limit: Type.Optional(Type.Integer({ maximum: 9 })) },
  { additionalProperties: false },
)

function routes(app: FastifyInstance): void {
  app.post('/things', { schema: { body: Body } }, async ({ body }) => ({ body }))
  app.get('/things', { schema: { querystring: Query } }, async ({ query }) => ({ query }))
  app.get('/things/:id', async ({ params }) => params)
  app.post(
    '/optional',
    { schema: { body: Type.Object({}, { additionalProperties: false }) } },
    async ({ body }) => ({ body }),
  )
  app.get('/crash', async () => {
    throw new Error('canary: the password is hunter2')
  })
  app.get('/away', async () => {
    throw new CodedError('DATABASE_UNAVAILABLE', undefined, {
      retryAfterMs: 1_200,
      cause: new Error('refused'),
    })
  })
}

interface Refusal {
  readonly status: number
  readonly error: ErrorBody['error']
  readonly headers: Headers
}

async function refusal(response: Response): Promise<Refusal> {
  const { error } = (await response.json()) as ErrorBody
  assert.equal(response.headers.get('x-request-id'), error.requestId)
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/)
  assert.equal(response.status, ERRORS[error.code].status)
  return { status: response.status, error, headers: response.headers }
}

function post(url: string, body: string, type = 'application/json'): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers: { 'content-type': type } })
}

test('JSON that is broken is told, and not repeated', async (t) => {
  const { url } = await startApp(t, routes)
  for (const body of ['{"name": }', '{"name":"canary', 'canary', '{"a":1}}', '{"a":"canary" "b":1}']) {
    const { error } = await refusal(await post(`${url}/things`, body))
    assert.equal(error.code, 'MALFORMED_JSON')
    assert.doesNotMatch(error.message, /canary/)
  }
})

test('a field that the call does not know is named, and nothing is dropped in silence', async (t) => {
  const { url } = await startApp(t, routes)
  const { error } = await refusal(await post(`${url}/things`, '{"name":"a","colour":"red","a/b":1}'))
  assert.equal(error.code, 'UNKNOWN_FIELD')
  assert.deepEqual(
    error.details?.map(({ field }) => field),
    ['/colour', '/a~1b'],
  )
})

test('all wrong fields are told at once, each with what is wrong', async (t) => {
  const { url } = await startApp(t, routes)
  const { error } = await refusal(
    await post(`${url}/things`, '{"name":"too long","size":0,"kind":"c","env":{"A":1},"x":1}'),
  )
  assert.equal(error.code, 'VALIDATION_FAILED')
  assert.deepEqual(error.details?.map(({ field }) => field).toSorted(), [
    '/env/A',
    '/kind',
    '/name',
    '/size',
    '/x',
  ])
  assert.match(JSON.stringify(error.details), /must be one of a, b/)
})

test('a missing field is told by name', async (t) => {
  const { url } = await startApp(t, routes)
  const { error } = await refusal(await post(`${url}/things`, '{}'))
  assert.deepEqual(error.details, [{ field: '/name', problem: 'is required' }])
})

test('a body of another kind than an object is refused', async (t) => {
  const { url } = await startApp(t, routes)
  for (const body of ['[]', '3', '"x"', 'true'])
    assert.equal((await refusal(await post(`${url}/things`, body))).error.code, 'VALIDATION_FAILED', body)
})

test('an absent body counts as an empty object', async (t) => {
  const { url } = await startApp(t, routes)
  for (const request of [
    fetch(`${url}/optional`, { method: 'POST' }),
    post(`${url}/optional`, ''),
    post(`${url}/optional`, '{}'),
  ])
    assert.deepEqual(await (await request).json(), { body: {} })
})

test('keys that reach for a prototype are refused', async (t) => {
  const { url } = await startApp(t, routes)
  for (const body of ['{"__proto__":{"x":1}}', '{"name":"a","constructor":{"prototype":{"x":1}}}'])
    assert.equal((await refusal(await post(`${url}/things`, body))).error.code, 'MALFORMED_JSON')
})

test('query parameters are converted, and unknown ones refused on every route', async (t) => {
  const { url } = await startApp(t, routes)
  assert.deepEqual(await (await fetch(`${url}/things?limit=3`)).json(), { query: { limit: 3 } })
  for (const limit of ['x', 'true', '1.5', '1e0', '0x1', '%203', '', '3&limit=4'])
    assert.equal(
      (await refusal(await fetch(`${url}/things?limit=${limit}`))).error.details?.[0]?.field,
      'limit',
      limit,
    )
  assert.equal((await refusal(await fetch(`${url}/things?limi=3`))).error.code, 'UNKNOWN_FIELD')
  assert.equal((await refusal(await fetch(`${url}/things/a?b=c`))).error.code, 'UNKNOWN_FIELD')
})

test('a body that is not JSON is refused by its type', async (t) => {
  const { url } = await startApp(t, routes)
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense'])
    assert.equal(
      (await refusal(await post(`${url}/things`, '{}', type))).error.code,
      'UNSUPPORTED_MEDIA_TYPE',
      type,
    )
})

test('a body over the limit is refused, also when it does not say its length', async (t) => {
  const { url, port } = await startApp(t, routes)
  const large = JSON.stringify({ name: 'x'.repeat(MAX_BODY_BYTES) })
  assert.equal((await refusal(await post(`${url}/things`, large))).error.code, 'BODY_TOO_LARGE')
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  const answer = await sendRaw(
    port,
    `POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${chunk.repeat(5)}0\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 413 /)
})

test('a body that was refused and does not end is not read for longer than a request may take', async (t) => {
  const { port } = await startApp(t, routes, { arrivalTimeoutMs: 300 })
  const answer = await sendRaw(
    port,
    `POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{`,
  )
  assert.match(answer, /^HTTP\/1\.1 413 [^]*BODY_TOO_LARGE/)
})

test('20 KiB of headers get 431 with a coded body', async (t) => {
  const { port } = await startApp(t, routes)
  const answer = await sendRaw(
    port,
    `GET /things HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_480)}\r\n\r\n`,
  )
  assert.match(answer, /^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/)
  assert.equal((bodyOf(answer) as ErrorBody).error.code, 'HEADERS_TOO_LARGE')
})

test('bytes that are not HTTP get 400 with a coded body', async (t) => {
  const { port } = await startApp(t, routes)
  const answer = await sendRaw(port, 'HELLO\r\n\r\n')
  assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/)
  assert.equal((bodyOf(answer) as ErrorBody).error.code, 'BAD_REQUEST')
})

test('a request whose headers do not come is ended with 408', async (t) => {
  const { port } = await startApp(t, routes, { arrivalTimeoutMs: 200 })
  const answer = await sendRaw(port, 'GET /things HTTP/1.1\r\nHost: 127.0.0.1\r\n')
  assert.match(answer, /^HTTP\/1\.1 408 /)
  assert.equal((bodyOf(answer) as ErrorBody).error.code, 'HANDSHAKE_TIMEOUT')
})

test('a body that does not come is ended with 408', async (t) => {
  const { port } = await startApp(t, routes, { arrivalTimeoutMs: 200 })
  const head =
    'POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{'
  assert.match(await sendRaw(port, head), /^HTTP\/1\.1 408 /)
})

test('an unknown address is 404, a known one with another method 405 that names the right ones', async (t) => {
  const { url } = await startApp(t, routes)
  assert.equal((await refusal(await fetch(`${url}/nothing`))).error.code, 'NOT_FOUND')
  const { error } = await refusal(await fetch(`${url}/things`, { method: 'DELETE' }))
  assert.equal(error.code, 'METHOD_NOT_ALLOWED')
  assert.match(error.message, /GET, HEAD, POST, not DELETE/)
  const refused = await fetch(`${url}/things`, { method: 'DELETE' })
  assert.equal(refused.headers.get('allow'), 'GET, HEAD, POST')
  assert.equal((await fetch(`${url}/nothing`)).headers.get('allow'), null)
  assert.equal((await fetch(`${url}/things`, { method: 'OPTIONS' })).status, 204)
  assert.equal(
    (await refusal(await fetch(`${url}/things/x`, { method: 'PUT' }))).error.code,
    'METHOD_NOT_ALLOWED',
  )
})

test('a method that no address has is 405, whatever its body and its type', async (t) => {
  const { port } = await startApp(t, routes)
  for (const method of ['QUERY', 'PUT', 'PROPFIND', 'MKCOL'])
    for (const rest of [
      '\r\n',
      'Content-Length: 2\r\n\r\n{}',
      'Content-Type: text/x\r\nContent-Length: 2\r\n\r\n{}',
    ]) {
      const head = `${method} /things HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n`
      const answer = await sendRaw(port, head + rest)
      assert.match(answer, /^HTTP\/1\.1 405 /, `${method} ${rest}`)
      assert.match(answer, /\r\nallow: GET, HEAD, POST\r\n/i)
      assert.equal((bodyOf(answer) as ErrorBody).error.code, 'METHOD_NOT_ALLOWED')
    }
})

test('an address that is no valid URL is a coded 400', async (t) => {
  const { url } = await startApp(t, routes)
  assert.equal((await refusal(await fetch(`${url}/things/%zz`))).error.code, 'BAD_REQUEST')
})

test('what a program throws by mistake stays in the log; the client gets the id that finds it', async (t) => {
  const { url, logged } = await startApp(t, routes)
  const response = await fetch(`${url}/crash`)
  const text = await response.clone().text()
  const { error } = await refusal(response)
  assert.equal(error.code, 'INTERNAL')
  assert.doesNotMatch(text, /canary|hunter2|at /)
  assert.ok(logged().includes(error.requestId))
  assert.match(logged(), /canary/)
})

test('an error that passes says when to try again', async (t) => {
  const { url } = await startApp(t, routes)
  const { error, headers } = await refusal(await fetch(`${url}/away`))
  assert.equal(error.code, 'DATABASE_UNAVAILABLE')
  assert.equal(headers.get('retry-after'), '2')
})

test('a sane request id of the caller is kept, another is replaced', async (t) => {
  const { url } = await startApp(t, routes)
  const ask = async (id: string): Promise<string> =>
    (await refusal(await fetch(`${url}/nothing`, { headers: { 'x-request-id': id } }))).error.requestId
  assert.equal(await ask('trace-0123456789'), 'trace-0123456789')
  for (const id of ['short', 'x'.repeat(65), 'with space in it', '<script>alert'])
    assert.match(await ask(id), /^req_[\w-]{16}$/)
})

test('any body of any type gets an answer of the contract and never a 500', async (t) => {
  const { url } = await startApp(t, routes)
  const body = fc.oneof(
    fc.json().map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  )
  await fc.assert(
    fc.asyncProperty(body, fc.constantFrom('application/json', 'text/plain'), async (bytes, type) => {
      const response = await fetch(`${url}/things`, {
        method: 'POST',
        body: bytes,
        headers: { 'content-type': type },
      })
      const answer = (await response.json()) as Partial<ErrorBody>
      assert.ok(response.status < 500, `${response.status}`)
      assert.ok(response.ok || isErrorCode(answer.error?.code))
    }),
    { numRuns: 150 },
  )
})

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { suite, test, type TestContext } from 'node:test'
import {
  AuthError,
  BadRequestError,
  Cliscale,
  CliscaleError,
  type CliscaleOptions,
  InternalError,
  LimitError,
  NotFoundError,
  UnavailableError,
} from '../../src/index.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { within } from '../support/wait-for.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

interface Scripted {
  readonly client: Cliscale
  readonly requests: IncomingMessage[]
}

/** A client of a server that gives one answer after another, the last one again and again. */
async function client(
  t: TestContext,
  answers: Answer[],
  options: Partial<CliscaleOptions> = {},
): Promise<Scripted> {
  const requests: IncomingMessage[] = []
  const server = await scriptedServer(t, (request, response) => {
    requests.push(request)
    request.resume()
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.(request, response)
  })
  return { client: new Cliscale({ baseUrl: server.httpUrl, apiKey: 'csk_test', ...options }), requests }
}

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
const failure = (status: number, code: string, headers: Record<string, string> = {}): Answer =>
  json(status, { error: { code, message: `It is ${code}.`, requestId: 'req-1' } }, headers)
const templates = json(200, { templates: [] })

suite('request', () => {
  test('a failure for now is tried again until it is over', async (t) => {
    const hangUp: Answer = (request) => request.socket.destroy()
    const { client: cliscale, requests } = await client(t, [
      failure(503, 'DATABASE_UNAVAILABLE'),
      hangUp,
      failure(500, 'INTERNAL'),
      templates,
    ])
    assert.deepEqual(await cliscale.templates.list(), [])
    assert.equal(requests.length, 4)
    assert.ok(requests.every(({ headers }) => headers.authorization === 'Bearer csk_test'))
  })

  test('retries of a create carry the same key, and another call carries another', async (t) => {
    const { client: cliscale, requests } = await client(t, [
      failure(503, 'OVERLOADED'),
      failure(422, 'VALIDATION_FAILED'),
    ])
    await assert.rejects(cliscale.sessions.create())
    await assert.rejects(cliscale.sessions.create())
    const keys = requests.map(({ headers }) => headers['idempotency-key'])
    assert.equal(keys.length, 3)
    assert.equal(keys[0], keys[1])
    assert.notEqual(keys[1], keys[2])
    assert.match(String(keys[0]), /^[0-9a-f]{32}$/)
    await assert.rejects(cliscale.sessions.create({ idempotencyKey: 'mine' }))
    assert.equal(requests.at(-1)?.headers['idempotency-key'], 'mine')
  })

  test('a pause that the server asks for is kept, or the error comes at once when there is no time for it', async (t) => {
    const soon = await client(t, [failure(429, 'RATE_LIMITED', { 'retry-after': '1' }), templates])
    const startedAt = performance.now()
    await soon.client.templates.list()
    assert.ok(performance.now() - startedAt >= 1_000)
    const late = await client(t, [failure(429, 'RATE_LIMITED', { 'retry-after': '3600' })])
    await assert.rejects(late.client.templates.list(), (error) => {
      assert.ok(error instanceof LimitError)
      assert.equal(error.retryAfterMs, 3_600_000)
      return true
    })
    assert.equal(late.requests.length, 1)
  })

  test('a limit without a time and a final refusal are not tried again', async (t) => {
    for (const [status, code, expected] of [
      [429, 'QUOTA_EXCEEDED', LimitError],
      [401, 'API_KEY_INVALID', AuthError],
      [404, 'SESSION_NOT_FOUND', NotFoundError],
      [422, 'UNKNOWN_FIELD', BadRequestError],
      [418, 'A_CODE_OF_A_NEWER_SERVER', BadRequestError],
    ] as const) {
      const { client: cliscale, requests } = await client(t, [failure(status, code)])
      await assert.rejects(cliscale.sessions.get('ses_x'), (error) => {
        assert.ok(error instanceof expected, code)
        assert.ok(error instanceof CliscaleError)
        assert.deepEqual([error.code, error.status, error.requestId], [code, status, 'req-1'])
        assert.equal(error.message, `It is ${code}.`)
        return true
      })
      assert.equal(requests.length, 1, code)
    }
  })

  test('refused fields are named', async (t) => {
    const details = [{ field: '/columns', problem: 'must be a number' }, { broken: true }]
    const body = { error: { code: 'VALIDATION_FAILED', message: 'No.', requestId: 'r', details } }
    const { client: cliscale } = await client(t, [json(422, body)])
    await assert.rejects(cliscale.sessions.create(), { details: [details[0]] })
  })

  test('retries end with the time that they are given', async (t) => {
    const { client: cliscale, requests } = await client(t, [failure(503, 'OVERLOADED')], { maxRetryMs: 0 })
    await assert.rejects(cliscale.templates.list(), UnavailableError)
    assert.equal(requests.length, 1)
    await assert.rejects(cliscale.templates.list({ maxRetryMs: 300 }), UnavailableError)
    assert.ok(requests.length > 1)
  })

  test('a request that takes too long ends, and so does one whose answer never ends', async (t) => {
    const silent: Answer = () => undefined
    const endless: Answer = (_request, response) => void response.writeHead(200).write('{')
    for (const answer of [silent, endless]) {
      const { client: cliscale } = await client(t, [answer], { requestTimeoutMs: 40, maxRetryMs: 0 })
      await assert.rejects(within('the call', cliscale.templates.list()), { code: 'REQUEST_TIMEOUT' })
    }
  })

  test('a signal ends a call before it begins, while it runs and while it waits to be tried again', async (t) => {
    const { client: cliscale, requests } = await client(t, [
      failure(503, 'OVERLOADED', { 'retry-after': '20' }),
    ])
    const reason = new Error('the page is gone')
    await assert.rejects(cliscale.templates.list({ signal: AbortSignal.abort(reason) }), (error) => {
      assert.ok(error instanceof CliscaleError)
      assert.deepEqual([error.code, error.cause], ['ABORTED', reason])
      return true
    })
    assert.equal(requests.length, 0)
    const waiting = new AbortController()
    const paused = cliscale.templates.list({ signal: waiting.signal })
    while (requests.length === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    waiting.abort()
    await assert.rejects(within('the pause', paused), { code: 'ABORTED' })

    const all = new AbortController()
    const silent = await client(t, [() => all.abort()], { signal: all.signal })
    await assert.rejects(within('the request', silent.client.sessions.create()), { code: 'ABORTED' })
  })

  test('an answer that is none of ours says so', async (t) => {
    const html: Answer = (_request, response) => void response.writeHead(200).end('<html>')
    const gateway: Answer = (_request, response) => void response.writeHead(502).end('<html>bad gateway')
    const redirect: Answer = (_request, response) => void response.writeHead(302, { location: '/' }).end()
    const strange = json(200, { sessions: 'none' })
    const options = { maxRetryMs: 0 }
    await assert.rejects((await client(t, [html], options)).client.templates.list(), InternalError)
    await assert.rejects(
      (await client(t, [strange], options)).client.sessions.list().nextPage(),
      InternalError,
    )
    await assert.rejects((await client(t, [strange], options)).client.sessions.get('ses_x'), {
      code: 'INVALID_RESPONSE',
    })
    await assert.rejects((await client(t, [gateway], options)).client.templates.list(), {
      code: 'OVERLOADED',
      status: 502,
      retryable: true,
    })
    await assert.rejects((await client(t, [redirect], options)).client.templates.list(), {
      code: 'CONNECTION_FAILED',
    })
  })

  test('a server that is not there is named in the error', async (t) => {
    const server = await scriptedServer(t)
    await server.close()
    const cliscale = new Cliscale({ baseUrl: server.httpUrl, maxRetryMs: 0 })
    await assert.rejects(cliscale.templates.list(), (error) => {
      assert.ok(error instanceof CliscaleError)
      assert.equal(error.code, 'CONNECTION_FAILED')
      assert.ok(
        error.message.includes(server.httpUrl) && error.message.includes('ECONNREFUSED'),
        error.message,
      )
      return true
    })
  })

  test('headers may be made anew for each request, and a path before /v1 is kept', async (t) => {
    let made = 0
    const { client: cliscale, requests } = await client(t, [templates], {
      apiKey: undefined,
      headers: async () => ({ authorization: `Bearer id-${(made += 1)}` }),
    })
    await cliscale.templates.list()
    await cliscale.templates.list()
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ['Bearer id-1', 'Bearer id-2'],
    )
    const server = await scriptedServer(t, (request, response) => {
      json(200, { templates: [{ name: request.url }] })(request, response)
    })
    const nested = new Cliscale({ baseUrl: `${server.httpUrl}/cliscale/` })
    assert.equal((await nested.templates.list())[0]?.name, '/cliscale/v1/templates')
  })

  test('filters of a list and odd ids are sent so that they mean themselves', async (t) => {
    const { client: cliscale, requests } = await client(t, [json(200, { sessions: [], nextCursor: null })])
    const metadata = { 'team name': 'a&b', x: '1' }
    await cliscale.sessions
      .list({ state: 'live', owner: 'ada', metadata, limit: 2, cursor: 'c+/=' })
      .nextPage()
    const url = new URL(String(requests[0]?.url), 'http://x')
    assert.deepEqual(Object.fromEntries(url.searchParams), {
      state: 'live',
      owner: 'ada',
      limit: '2',
      cursor: 'c+/=',
      'metadata[team name]': 'a&b',
      'metadata[x]': '1',
    })
    await assert.rejects(cliscale.sessions.get('../templates'))
    assert.equal(requests[1]?.url, '/v1/sessions/..%2Ftemplates')
    await assert.rejects(cliscale.sessions.get(''), BadRequestError)
  })
})

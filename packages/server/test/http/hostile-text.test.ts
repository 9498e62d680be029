import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CreateSessionResponse, ErrorBody } from '@cliscale/sdk/protocol'
import fc from 'fast-check'
import { startTestServer, type TestServer } from '../support/server.ts'

/** What JSON or percent-encoding can say and PostgreSQL or UTF-8 cannot hold. */
const HOSTILE = ['\0', 'a\0b', '\ud800', 'a\udfffb', '\udc00\ud800', '\ud800\0']

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly items?: Schema
  readonly enum?: readonly unknown[]
  readonly patternProperties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | boolean
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
}

interface Place {
  readonly name: string
  readonly request: (text: string) => { method: string; path: string; body?: string; strict: boolean }
}

/** Bodies with the text in each place that takes one: values, elements, names of fields that are free. */
function* bodiesOf(schema: Schema, path = ''): Generator<readonly [string, (text: string) => unknown]> {
  const free = schema.patternProperties ?? schema.additionalProperties
  if (schema.type === 'array' && schema.items !== undefined) {
    for (const [name, make] of bodiesOf(schema.items, `${path}/0`)) yield [name, (text) => [make(text)]]
  } else if (schema.properties !== undefined || schema.type === 'object') {
    for (const [name, field] of Object.entries(schema.properties ?? {}))
      for (const [at, make] of bodiesOf(field, `${path}/${name}`))
        yield [at, (text) => ({ [name]: make(text) })]
    yield [`${path}/{name}`, (text) => ({ [text]: 'x' })]
    if (free !== undefined) yield [`${path}/{value}`, (text) => ({ A: text })]
  } else {
    yield [path, (text) => text]
  }
}

async function placesOf(server: TestServer, id: string): Promise<readonly Place[]> {
  const document = (await (await fetch(`${server.baseUrl}/openapi.json`)).json()) as {
    paths: Record<string, Record<string, Operation>>
  }
  const places: Place[] = []
  for (const [path, operations] of Object.entries(document.paths))
    for (const [verb, operation] of Object.entries(operations)) {
      const method = verb.toUpperCase()
      const own = path.replace('{id}', id)
      const label = operation.operationId
      if (path.includes('{id}')) {
        const request = (text: string): ReturnType<Place['request']> => ({
          method,
          path: path.replace('{id}', `ses_${encoded(text)}`),
          strict: true,
        })
        places.push({ name: `${label} path`, request })
      }
      const query = operation.parameters?.filter((parameter) => parameter.in === 'query') ?? []
      for (const name of [...query.map((parameter) => parameter.name), 'metadata[a]', 'unknown'])
        places.push({
          name: `${label} query ${name}`,
          // Half a character that is percent-encoded is not decoded; it stays the text that was sent.
          request: (text) => ({
            method,
            path: `${own}?${encodeURIComponent(name)}=${encoded(text)}`,
            strict: text.isWellFormed() || name === 'unknown',
          }),
        })
      const body = operation.requestBody?.content['application/json'].schema
      for (const [at, make] of body === undefined ? [] : bodiesOf(body))
        places.push({
          name: `${label} body ${at}`,
          request: (text) => ({ method, path: own, body: JSON.stringify(make(text)), strict: true }),
        })
    }
  return places
}

/** Percent-encoding that also says halves of characters, as three bytes each. */
function encoded(text: string): string {
  return Array.from(text)
    .map((part) => {
      if (part.isWellFormed()) return encodeURIComponent(part)
      const code = part.charCodeAt(0)
      const bytes = [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)]
      return bytes.map((byte) => `%${byte.toString(16)}`).join('')
    })
    .join('')
}

async function send(server: TestServer, request: ReturnType<Place['request']>): Promise<Response> {
  const { method, path, body } = request
  return fetch(server.baseUrl + path, {
    method,
    signal: AbortSignal.timeout(30_000),
    headers: {
      authorization: `Bearer ${server.apiKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
}

async function aSession(server: TestServer): Promise<string> {
  const created = await server.call('POST', '/v1/sessions', { command: 'sleep', args: ['100'] })
  return ((await created.json()) as CreateSessionResponse).session.id
}

test('text that cannot be kept is refused with 4xx in every string place of every route', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const places = await placesOf(server, await aSession(server))
  assert.ok(places.length > 40, `only ${places.length} places were found`)
  const look = async (place: Place, text: string): Promise<void> => {
    const request = place.request(text)
    const response = await send(server, request)
    const what = `${place.name} ${JSON.stringify(text)}: ${response.status}`
    // An event stream has no end.
    if (response.ok) await response.body?.cancel()
    if (request.strict || !response.ok) {
      assert.ok(response.status >= 400 && response.status < 500, what)
      const { error } = (await response.json()) as ErrorBody
      assert.ok(JSON.stringify(error).isWellFormed() && !error.message.includes('\0'), what)
    }
  }
  for (const place of places) await look(place, '\0')
  await fc.assert(fc.asyncProperty(fc.constantFrom(...places), fc.constantFrom(...HOSTILE), look), {
    numRuns: 300,
  })
  const logged = server.logged()
  assert.ok(logged.isWellFormed() && !logged.includes('\0'))
  assert.doesNotMatch(logged, /A request failed/)
})

test('times and numbers that the database does not know are refused', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const id = await aSession(server)
  const cursor = (...pair: unknown[]): string => Buffer.from(JSON.stringify(pair)).toString('base64url')
  const queries = [
    `cursor=${cursor('-271821-04-20T00:00:00.000Z', id)}`,
    `cursor=${cursor('+275760-09-13T00:00:00.000Z', id)}`,
    `cursor=${cursor('-004714-01-01T00:00:00.000Z', id)}`,
    `cursor=${cursor('2026-01-01T00:00:00.000Z', '\ud800')}`,
    `cursor=${cursor('2026-01-01T00:00:00.000Z', 'a\0')}`,
    `cursor=${cursor('99999-01-01', id)}`,
    `cursor=${cursor(1e300, id)}`,
    'limit=99999999999999999999',
    'limit=1e400',
  ]
  for (const query of queries)
    assert.equal((await server.call('GET', `/v1/sessions?${query}`)).status, 422, query)
  for (const number of ['1e400', '9223372036854775808', '-9223372036854775809', '1e15', '0.5', '-0']) {
    const body = `{"lifetimeSeconds":${number}}`
    const answer = await send(server, { method: 'PATCH', path: `/v1/sessions/${id}`, body, strict: true })
    assert.equal(answer.status, 422, number)
  }
  for (const seq of ['9223372036854775808', '999999999999999999', '1e3', '-1']) {
    const headers = { authorization: `Bearer ${server.apiKey}`, 'last-event-id': seq }
    const answer = await fetch(`${server.baseUrl}/v1/events`, { headers })
    assert.equal(answer.status, 422, seq)
  }
})

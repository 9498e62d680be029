import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { SessionEvent } from '@cliscale/sdk/protocol'
import { waitFor } from '../support/wait-for.ts'
import { newController, type TestController } from './new-controller.ts'

/** One server-sent event as a browser would see it. */
interface Message {
  readonly id: number
  readonly event: string
  readonly data: SessionEvent
}

interface Reader {
  readonly messages: Message[]
  readonly comments: number[]
  readonly status: number
  readonly headers: Record<string, unknown>
  closed: boolean
  close(): void
}

/** Reads an event stream until it ends. */
async function read(
  t: TestContext,
  server: TestController,
  path: string,
  options: { lastEventId?: number; authorization?: string } = {},
): Promise<Reader> {
  return new Promise((resolve, reject) => {
    const asked = request(`${server.url}${path}`, {
      agent: false,
      headers: {
        authorization: options.authorization ?? `Bearer ${server.key}`,
        ...(options.lastEventId === undefined ? {} : { 'last-event-id': String(options.lastEventId) }),
      },
    })
    t.after(() => asked.destroy())
    asked.on('error', reject)
    asked.on('response', (response) => {
      const reader: Reader = {
        messages: [],
        comments: [],
        status: response.statusCode ?? 0,
        headers: response.headers,
        closed: false,
        close: () => asked.destroy(),
      }
      let rest = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        const blocks = (rest + chunk).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) {
          const fields = new Map(block.split('\n').map((line) => splitOnce(line)))
          const data = fields.get('data')
          if (data === undefined) continue
          reader.messages.push({
            id: Number(fields.get('id')),
            event: fields.get('event') ?? '',
            data: JSON.parse(data) as SessionEvent,
          })
        }
      })
      response.on('error', () => undefined)
      response.on('close', () => {
        reader.closed = true
      })
      resolve(reader)
    })
    asked.end()
  })
}

function splitOnce(line: string): [string, string] {
  const colon = line.indexOf(': ')
  return [line.slice(0, colon), line.slice(colon + 2)]
}

test('the stream of a session tells its whole life in order and closes after the end', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ command: 'sh', args: ['-c', 'exit 5'] })
  const reader = await read(t, server, `/v1/sessions/${session.id}/events`)
  assert.equal(reader.status, 200)
  assert.match(String(reader.headers['content-type']), /^text\/event-stream/)
  assert.equal(reader.headers['cache-control'], 'no-store')
  await waitFor(() => reader.closed, { what: 'the stream to close' })
  const types = reader.messages.map(({ event }) => event)
  assert.equal(types[0], 'created')
  assert.deepEqual(types.slice(-2), ['running', 'ended'])
  for (const { id, event, data } of reader.messages) {
    assert.deepEqual([data.seq, data.type, data.sessionId], [id, event, session.id])
  }
  const ids = reader.messages.map(({ id }) => id)
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
  )
  const last = reader.messages.at(-1)!.data
  assert.deepEqual(last.type === 'ended' && last.exit, { code: 5, signal: null, reason: 'exited' })
})

test('a stream goes on after Last-Event-ID without a gap and without a repeat', async (t) => {
  const server = await newController(t)
  const { session } = await server.create({ command: 'true' })
  const path = `/v1/sessions/${session.id}/events`
  const whole = await read(t, server, path)
  await waitFor(() => whole.closed, { what: 'the first stream to close' })
  for (const [index, { id }] of whole.messages.slice(0, -1).entries()) {
    const rest = await read(t, server, path, { lastEventId: id })
    await waitFor(() => rest.closed, { what: 'the resumed stream to close' })
    assert.deepEqual(rest.messages, whole.messages.slice(index + 1))
  }
})

test('the stream of a project tells new events of all its sessions, and an end user only its own', async (t) => {
  const server = await newController(t)
  await server.create({ command: 'true', owner: 'zoe' })
  const all = await read(t, server, '/v1/events')
  const anns = await read(t, server, '/v1/events', { authorization: 'User ann' })
  const made = await Promise.all(
    ['ann', 'ben'].map((owner) => server.create({ command: 'true', owner }).then(({ session }) => session)),
  )
  const endedIn = (reader: Reader): Set<string> =>
    new Set(reader.messages.filter(({ event }) => event === 'ended').map(({ data }) => data.sessionId))
  await waitFor(() => made.every(({ id }) => endedIn(all).has(id)), { what: 'both ends' })
  await waitFor(() => endedIn(anns).has(made[0]!.id), { what: "the end of ann's session" })
  const seen = new Set(anns.messages.map(({ data }) => data.sessionId))
  assert.deepEqual(seen, new Set([made[0]!.id]))
  assert.equal(all.closed, false)
})

test('a wrong Last-Event-ID is refused', async (t) => {
  const server = await newController(t)
  const { status } = await server.call('GET', '/v1/events', { headers: { 'last-event-id': 'abc' } })
  assert.equal(status, 422)
})

test('a reader that does not read is cut off', async (t) => {
  const server = await newController(t, { flags: ['--max-sessions=1'] })
  await server.create({ command: 'sleep', args: ['1000'] })
  const { session } = await server.create({ command: 'true' })
  const { host, port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  t.after(() => socket.destroy())
  let closed = false
  socket.on('close', () => (closed = true))
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${server.key}\r\n\r\n`)
  // Far more than the kernel's socket buffers and the server's own bound together.
  const message = 'x'.repeat(32_000)
  for (let i = 0; i < 1_000; i += 1) {
    await server.store.sessions.recordPhase(session.id, { phase: 'queued', message })
  }
  socket.resume()
  await waitFor(() => closed, { what: 'the reader to be cut off' })
  assert.ok(socket.bytesRead < 1_000 * message.length, `${socket.bytesRead} bytes were read`)
})

import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { suite, test, type TestContext } from 'node:test'
import { Cliscale, type SessionEvent } from '../src/index.ts'
import { scriptedServer } from './support/scripted-server.ts'
import { within } from './support/wait-for.ts'

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const at = '2026-01-01T00:00:00.000Z'
const base = { sessionId: 'ses_1', at }
const phase = (seq: number): object => ({
  ...base,
  seq,
  type: 'phase',
  state: 'fetching',
  phase: { phase: 'fetching', progress: { done: seq, total: 9, unit: 'bytes' } },
})
const ended = (seq: number): object => ({
  ...base,
  seq,
  type: 'ended',
  state: 'ended',
  exit: { code: 0, signal: null, reason: 'exited' },
})

function write(response: ServerResponse, ...events: object[]): void {
  for (const event of events) {
    const { seq, type } = event as { seq: number; type: string }
    response.write(`id: ${seq}\nevent: ${type}\ndata: ${JSON.stringify(event)}\n\n`)
  }
}

async function follow(
  t: TestContext,
  answers: Answer[],
): Promise<{ events: AsyncIterable<SessionEvent>; ids: unknown[] }> {
  const ids: unknown[] = []
  const server = await scriptedServer(t, (request, response) => {
    if (request.url === '/v1/sessions/ses_1') {
      response.end('{"id":"ses_1","state":"queued"}')
      return
    }
    ids.push(request.headers['last-event-id'])
    const answer = answers.shift()
    if (answer === undefined) response.destroy()
    else answer(response, request)
  })
  const session = await new Cliscale({ baseUrl: server.httpUrl }).sessions.get('ses_1')
  return { events: session.events(), ids }
}

async function collect(events: AsyncIterable<SessionEvent>): Promise<number[]> {
  const seqs: number[] = []
  for await (const { seq } of events) seqs.push(seq)
  return seqs
}

suite('events', () => {
  test('a stream that breaks off goes on after the last event, without losing or repeating one', async (t) => {
    const { events, ids } = await follow(t, [
      (response) => {
        response.writeHead(200)
        write(response, phase(3), phase(4))
        response.write('id: 5\nevent: phase\ndata: {"half')
        setImmediate(() => response.destroy())
      },
      (response) => response.writeHead(503).end('{"error":{"code":"DATABASE_UNAVAILABLE","message":"away"}}'),
      (_response, request) => request.socket.destroy(),
      (response) => {
        response.writeHead(200)
        write(response, phase(4), phase(5), { ...base, seq: 6, type: 'of a newer server' }, ended(7))
        response.end()
      },
    ])
    assert.deepEqual(await within('the events', collect(events)), [3, 4, 5, 7])
    assert.deepEqual(ids, [undefined, '4', '4', '4'])
  })

  test('a final refusal and a malformed stream end the iteration', async (t) => {
    const gone = await follow(t, [
      (response) => response.writeHead(404).end('{"error":{"code":"SESSION_NOT_FOUND","message":"gone"}}'),
    ])
    await assert.rejects(within('the refusal', collect(gone.events)), { code: 'SESSION_NOT_FOUND' })
    const malformed = await follow(t, [(response) => response.writeHead(200).end('data: {\n\n')])
    await assert.rejects(within('the refusal', collect(malformed.events)), { code: 'INVALID_RESPONSE' })
  })

  test('leaving the loop closes the stream', async (t) => {
    let closed: () => void = () => undefined
    const isClosed = new Promise<void>((resolve) => (closed = resolve))
    const { events } = await follow(t, [
      (response) => {
        response.on('close', closed)
        response.writeHead(200)
        write(response, phase(1), phase(2))
      },
    ])
    for await (const { seq } of events) if (seq === 1) break
    await within('the close', isClosed)
  })
})

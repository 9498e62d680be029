import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { suite, test, type TestContext } from 'node:test'
import { Cliscale, NotFoundError } from '../../src/index.ts'
import { RECORDING_HEADER, RECORDING_MEDIA_TYPE } from '../../src/protocol/index.ts'
import { scriptedServer } from '../support/scripted-server.ts'
import { within } from '../support/wait-for.ts'

const CAST = '{"version":3,"term":{"cols":80,"rows":24}}\n[0.1,"o","grün\\r\\n"]\n[0.2,"x","0"]\n'

async function client(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Cliscale> {
  const { httpUrl } = await scriptedServer(t, answer)
  return new Cliscale({ baseUrl: httpUrl, apiKey: 'csk_test', maxRetryMs: 0, requestTimeoutMs: 10_000 })
}

const head = (state: string): Record<string, string> => ({
  'content-type': RECORDING_MEDIA_TYPE,
  [RECORDING_HEADER]: state,
})

suite('recording', () => {
  test('a complete recording says its size and is read as text or as a stream', async (t) => {
    const requests: IncomingMessage[] = []
    const cliscale = await client(t, (request, response) => {
      requests.push(request)
      response.writeHead(200, { ...head('complete'), 'content-length': Buffer.byteLength(CAST) }).end(CAST)
    })
    const recording = await cliscale.sessions.recording('ses_a')
    assert.deepEqual([recording.complete, recording.bytes], [true, Buffer.byteLength(CAST)])
    assert.equal(await recording.text(), CAST)
    const { body } = await cliscale.sessions.recording('ses_a')
    assert.equal(await new Response(body).text(), CAST)
    assert.deepEqual(
      requests.map(({ method, url }) => [method, url]),
      Array.from({ length: 2 }, () => ['GET', '/v1/sessions/ses_a/recording']),
    )
    assert.match(String(requests[0]?.headers.accept), /^application\/x-asciicast/)
  })

  test('the recording of a session that runs has no size yet, and characters may be cut between its pieces', async (t) => {
    const cliscale = await client(t, (_request, response) => {
      response.writeHead(200, head('open'))
      const bytes = Buffer.from(CAST)
      const middle = bytes.indexOf(Buffer.from('ü')) + 1
      response.write(bytes.subarray(0, middle), () => void response.end(bytes.subarray(middle)))
    })
    const recording = await cliscale.sessions.recording('ses_a')
    assert.deepEqual([recording.complete, recording.bytes], [false, null])
    assert.equal(await recording.text(), CAST)
  })

  test('a session without a recording, and something else than a recording, are errors', async (t) => {
    const missing = await client(t, (_request, response) => {
      const error = { code: 'RECORDING_NOT_FOUND', message: 'None.', requestId: 'r' }
      response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
    })
    await assert.rejects(missing.sessions.recording('ses_a'), (error) => {
      assert.ok(error instanceof NotFoundError)
      assert.equal(error.code, 'RECORDING_NOT_FOUND')
      return true
    })
    await assert.rejects(missing.sessions.deleteRecording('ses_a'), { code: 'RECORDING_NOT_FOUND' })
    const other = await client(t, (_request, response) => void response.end('<!doctype html>'))
    await assert.rejects(other.sessions.recording('ses_a'), { code: 'INVALID_RESPONSE' })
  })

  test('deleting asks for it and expects no answer', async (t) => {
    const seen: string[] = []
    const cliscale = await client(t, (request, response) => {
      seen.push(`${request.method} ${request.url}`)
      response.writeHead(204).end()
    })
    await cliscale.sessions.deleteRecording('ses_a')
    assert.deepEqual(seen, ['DELETE /v1/sessions/ses_a/recording'])
  })

  test('an answer that breaks off is told, and so is one that the signal ends', async (t) => {
    const cliscale = await client(t, (request, response) => {
      response.writeHead(200, { ...head('complete'), 'content-length': 1_000 })
      response.write(CAST, () => {
        if (request.url?.includes('broken') === true) response.destroy()
      })
    })
    const broken = await cliscale.sessions.recording('ses_broken')
    await assert.rejects(within('the end', broken.text()), { code: 'CONNECTION_LOST' })
    const controller = new AbortController()
    const stuck = await cliscale.sessions.recording('ses_a', { signal: controller.signal })
    const text = stuck.text()
    controller.abort(new Error('enough'))
    await assert.rejects(within('the end', text), { code: 'ABORTED' })
    await assert.rejects(cliscale.sessions.recording('ses_a', { signal: controller.signal }), {
      code: 'ABORTED',
    })
  })

  test('it is pulled, not pushed: what nobody reads is not taken from the connection', async () => {
    let pulled = 0
    const line = new TextEncoder().encode('[0.1,"o","x"]\n')
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
      pulled += 1
      controller.enqueue(line)
    }
    const endless = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 })
    const fetch = (): Promise<Response> => Promise.resolve(new Response(endless, { headers: head('open') }))
    const cliscale = new Cliscale({ baseUrl: 'http://localhost', fetch })
    const { body } = await cliscale.sessions.recording('ses_a')
    const reader = body.getReader()
    for (let count = 0; count < 5; count += 1) assert.deepEqual((await reader.read()).value, line)
    await reader.cancel()
    assert.equal(pulled, 5)
  })

  test('the time of a request ends with its beginning', async (t) => {
    const cliscale = await client(t, (request, response) => {
      if (request.url?.includes('silent') === true) return
      response.writeHead(200, head('open'))
      response.write(CAST.slice(0, 10))
      setTimeout(() => response.end(CAST.slice(10)), 400)
    })
    const slow = await cliscale.sessions.recording('ses_slow', { requestTimeoutMs: 200 })
    assert.equal(await slow.text(), CAST)
    await assert.rejects(cliscale.sessions.recording('ses_silent', { requestTimeoutMs: 200 }), {
      code: 'REQUEST_TIMEOUT',
    })
  })
})

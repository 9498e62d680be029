import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { TokenSource } from '../../src/index.ts'
import { scriptedServer } from '../support/scripted-server.ts'

const request = { signal: new AbortController().signal, refused: undefined }

suite('TokenSource.endpoint', () => {
  test('asks by POST with JSON and takes token and address from the answer', async (t) => {
    const seen: unknown[] = []
    const server = await scriptedServer(t, (incoming, response) => {
      let body = ''
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
      incoming.on('end', () => {
        seen.push([incoming.method, incoming.headers['x-csrf'], incoming.headers['content-type'], body])
        response.end('{"token":"t1","url":"ws://x/y","expiresAt":"later"}')
      })
    })
    let asked = 0
    const source = TokenSource.endpoint(`${server.httpUrl}/api/terminal`, {
      body: { session: 's1' },
      headers: () => ({ 'x-csrf': String((asked += 1)) }),
    })
    assert.deepEqual(await source.getToken(request), { token: 't1', url: 'ws://x/y' })
    await source.getToken(request)
    assert.deepEqual(seen, [
      ['POST', '1', 'application/json', '{"session":"s1"}'],
      ['POST', '2', 'application/json', '{"session":"s1"}'],
    ])
  })

  test('a refusal is final, a failure for now is not, and an answer without a token is an error', async (t) => {
    let status = 403
    const server = await scriptedServer(t, (_request, response) => void response.writeHead(status).end('{}'))
    const source = TokenSource.endpoint(server.httpUrl)
    await assert.rejects(source.getToken(request), {
      code: 'TOKEN_SOURCE_FAILED',
      status: 403,
      retryable: false,
    })
    status = 503
    await assert.rejects(source.getToken(request), {
      code: 'TOKEN_SOURCE_FAILED',
      status: 503,
      retryable: true,
    })
    status = 200
    await assert.rejects(source.getToken(request), { code: 'TOKEN_SOURCE_FAILED', retryable: false })
  })
})

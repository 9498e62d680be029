import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { suite, test } from 'node:test'
import { Cliscale, type CliscaleOptions, TokenSource } from '../src/index.ts'
import { scriptedServer } from './support/scripted-server.ts'
import { within } from './support/wait-for.ts'

suite('programmer errors', () => {
  test('a base address that can never work is refused where it is given', () => {
    const wrong: readonly (readonly [unknown, RegExp])[] = [
      [undefined, /is missing/],
      [{}, /is missing/],
      [{ baseUrl: '' }, /is empty/],
      [{ baseUrl: 7680 }, /is missing/],
      [{ baseUrl: '/cliscale' }, /"\/cliscale" is not a whole address/],
      [{ baseUrl: 'localhost:7680' }, /neither http:\/\/ nor https:\/\//],
      [{ baseUrl: 'ws://localhost:7680' }, /neither/],
      [{ baseUrl: 'http://me:secret@localhost' }, /user name or password/],
      [{ baseUrl: 'http://localhost/?a=1' }, /holds a “\?”/],
    ]
    for (const [options, message] of wrong) {
      assert.throws(() => new Cliscale(options as CliscaleOptions), { code: 'INVALID_OPTION', message })
    }
    for (const baseUrl of ['http://localhost:7680', 'https://a.example/tools/', new URL('http://[::1]:1')]) {
      assert.ok(new Cliscale({ baseUrl }))
    }
  })

  test('a port that speaks something else is found by the first request', async (t) => {
    const server = await scriptedServer(t)
    const secure = new Cliscale({ baseUrl: server.httpUrl.replace('http:', 'https:') })
    await assert.rejects(within('the refusal', secure.templates.list()), {
      code: 'CONNECTION_FAILED',
      retryable: false,
      message: /does not speak TLS; use http:\/\//,
    })
    const other = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end('SSH-2.0-Example\r\n')
    }).listen(0, '127.0.0.1')
    t.after(() => other.close())
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as AddressInfo
    await assert.rejects(
      within('the refusal', new Cliscale({ baseUrl: `http://127.0.0.1:${port}` }).templates.list()),
      {
        retryable: false,
        message: /does not speak HTTP/,
      },
    )
  })
})

suite('an endpoint of the app', () => {
  test('is quoted, and what it lacks is told', async (t) => {
    let answer: readonly [number, string] = [200, '']
    const server = await scriptedServer(
      t,
      (_request, response) => void response.writeHead(answer[0]).end(answer[1]),
    )
    const source = TokenSource.endpoint(server.httpUrl)
    const ask = (): Promise<unknown> =>
      source.getToken({ signal: new AbortController().signal, refused: undefined })
    const cases: readonly (readonly [number, string, boolean, RegExp])[] = [
      [200, '<!doctype html><title>Sign in</title>', false, /with a web page instead/],
      [200, '', false, /not JSON/],
      [401, '{"error":{"message":"Sign in first"}}', false, /answered 401: Sign in first$/],
      [422, '{"title":"Wrong","detail":"No such tenant"}', false, /answered 422: No such tenant$/],
      [500, 'disk full', true, /answered 500: disk full$/],
      [502, '<html>Bad gateway</html>', true, /answered 502: it does not say why$/],
      [404, 'x'.repeat(1_000_000), false, /answered 404: x{300}…$/],
    ]
    for (const [status, body, retryable, message] of cases) {
      answer = [status, body]
      await assert.rejects(ask(), { code: 'TOKEN_SOURCE_FAILED', retryable, message })
    }
  })
})

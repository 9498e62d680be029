import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { HostCheck } from '../../src/http/host-check.ts'
import { sendRaw, startApp } from '../support/http-app.ts'

const routes = (app: FastifyInstance): void => void app.get('/', async () => ({ ok: true }))

const get = (port: number, headers: string): Promise<string> =>
  sendRaw(port, `GET / HTTP/1.1\r\nConnection: close\r\n${headers}\r\n`)

test('a foreign name that points here is refused (DNS rebinding)', async (t) => {
  const { port } = await startApp(t, routes, { hosts: new HostCheck(['127.0.0.1', 'localhost', '[::1]']) })
  for (const host of [
    'evil.example',
    'evil.example:7680',
    '127.0.0.1.evil.example',
    'localhost.',
    'a@127.0.0.1',
    '',
  ])
    assert.match(await get(port, `Host: ${host}\r\n`), /"HOST_REFUSED"/, host)
  for (const host of ['127.0.0.1', '127.0.0.1:7680', 'LOCALHOST:1', '[::1]:7680'])
    assert.match(await get(port, `Host: ${host}\r\n`), /^HTTP\/1\.1 200 /, host)
})

test('an allowed page may call the API, any other may not read an answer', async (t) => {
  const { url } = await startApp(t, routes, { allowedOrigins: ['https://app.example', 'tauri://localhost'] })
  const preflight = async (origin: string): Promise<Response> =>
    fetch(url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
  const allowed = await preflight('https://app.example')
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example')
  assert.match(allowed.headers.get('access-control-allow-methods') ?? '', /DELETE/)
  const app = await preflight('tauri://localhost')
  assert.equal(app.headers.get('access-control-allow-origin'), 'tauri://localhost')
  assert.equal(allowed.headers.get('access-control-allow-credentials'), null)
  for (const origin of ['https://evil.example', 'http://app.example', 'null'])
    assert.equal((await preflight(origin)).headers.get('access-control-allow-origin'), null, origin)
})

test('every answer forbids what the server did not send', async (t) => {
  const { url } = await startApp(t, routes)
  for (const path of ['/', '/nothing']) {
    const { headers } = await fetch(url + path)
    const policy = headers.get('content-security-policy') ?? ''
    assert.match(policy, /default-src 'none'/)
    assert.match(policy, /frame-ancestors 'none'/)
    // WebAssembly is what the console's player is made of; nothing else that is unsafe is allowed.
    assert.match(policy, /script-src 'self' 'wasm-unsafe-eval'(;|$)/)
    assert.doesNotMatch(policy.replace("'wasm-unsafe-eval'", ''), /unsafe|\*/)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('strict-transport-security'), null)
  }
  const https = await startApp(t, routes, { https: true })
  assert.match((await fetch(https.url)).headers.get('strict-transport-security') ?? '', /max-age/)
})

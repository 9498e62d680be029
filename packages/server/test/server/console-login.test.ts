import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorBody } from '@cliscale/sdk/protocol'
import { startTestServer, type TestServer } from '../support/server.ts'

/** What a page of the server's own sends along. */
const OWN_PAGE = { 'sec-fetch-site': 'same-origin' }

async function signIn({ baseUrl }: TestServer, code: string): Promise<Response> {
  return fetch(`${baseUrl}/v1/console/login`, {
    method: 'POST',
    body: JSON.stringify({ code }),
    headers: { 'content-type': 'application/json', ...OWN_PAGE },
  })
}

async function newCode({ server }: TestServer): Promise<string> {
  return new URL(await server.createConsoleLink()).hash.slice('#code='.length)
}

const cookieOf = (response: Response): string => response.headers.get('set-cookie')?.split(';')[0] ?? ''

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as ErrorBody).error.code
}

test('the printed link signs a browser in: its code is in the fragment and good once', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const link = new URL(await server.server.createConsoleLink())
  assert.equal(link.origin + link.pathname + link.search, `${server.baseUrl}/`)
  const code = link.hash.slice('#code='.length)
  const first = await signIn(server, code)
  assert.equal(first.status, 204)
  assert.match(
    first.headers.get('set-cookie') ?? '',
    /^cliscale_console_\d+=csc_[\w-]{43}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Strict$/,
  )
  const list = await fetch(`${server.baseUrl}/v1/sessions`, {
    headers: { cookie: cookieOf(first), ...OWN_PAGE },
  })
  assert.equal(list.status, 200)
  assert.equal(await codeOf(await signIn(server, code)), 'UNAUTHENTICATED')
})

test('of many browsers with one code exactly one is signed in', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const code = await newCode(server)
  const answers = await Promise.all(Array.from({ length: 20 }, () => signIn(server, code)))
  assert.equal(answers.filter(({ status }) => status === 204).length, 1)
})

test('a made-up code or cookie is refused', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  for (const code of ['x', `csl_${'A'.repeat(43)}`, server.apiKey])
    assert.equal(await codeOf(await signIn(server, code)), 'UNAUTHENTICATED')
  const port = new URL(server.baseUrl).port
  for (const value of ['x', `csc_${'A'.repeat(43)}`, server.apiKey]) {
    const headers = { cookie: `cliscale_console_${port}=${value}`, ...OWN_PAGE }
    assert.equal(await codeOf(await fetch(`${server.baseUrl}/v1/sessions`, { headers })), 'UNAUTHENTICATED')
  }
})

test('a cookie of the same name that another port of the host set does not shut the browser out', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const own = cookieOf(await signIn(server, await newCode(server)))
  const [name = ''] = own.split('=')
  const made = (index: number): string => `csc_${String(index).padStart(43, 'A')}`
  const foreign = [
    ['x'],
    [''],
    [made(0)],
    [server.apiKey],
    Array.from({ length: 80 }, (_, index) => made(index)),
  ]
  const ask = async (cookie: string, path = '/v1/sessions', method = 'GET'): Promise<number> =>
    (await fetch(`${server.baseUrl}${path}`, { method, headers: { cookie, ...OWN_PAGE } })).status
  for (const values of foreign) {
    const others = values.map((value) => `${name}=${value}`)
    // Browsers send longer paths first, then older cookies: ours may stand anywhere.
    for (const cookie of [
      [own, ...others],
      [...others, own],
      [...others, own, ...others],
    ])
      assert.equal(await ask(cookie.join('; ')), 200, values[0])
    assert.equal(await ask(others.join('; ')), 401)
  }
  assert.equal(await ask(`${name}=${made(1)}; ${own}`, '/v1/console/logout', 'POST'), 204)
  assert.equal(await ask(own), 401)
})

test('a cookie counts in requests of the console itself only (CSRF)', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const cookie = cookieOf(await signIn(server, await newCode(server)))
  const ask = (method: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${server.baseUrl}/v1/sessions`, { method, headers: { cookie, ...headers } })
  for (const site of ['cross-site', 'same-site'])
    for (const method of ['GET', 'POST'])
      assert.equal(await codeOf(await ask(method, { 'sec-fetch-site': site })), 'ORIGIN_REFUSED')
  assert.equal(await codeOf(await ask('POST', { 'sec-fetch-site': 'none' })), 'ORIGIN_REFUSED')
  assert.equal(await codeOf(await ask('POST', {})), 'ORIGIN_REFUSED')
  assert.equal(await codeOf(await ask('POST', { origin: 'http://evil.example' })), 'ORIGIN_REFUSED')
  assert.equal((await ask('POST', { origin: server.baseUrl })).status, 201)
  assert.equal((await ask('POST', OWN_PAGE)).status, 201)
})

test('signing out ends the sign-in on the server and clears the cookie', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const cookie = cookieOf(await signIn(server, await newCode(server)))
  const headers = { cookie, ...OWN_PAGE }
  const out = await fetch(`${server.baseUrl}/v1/console/logout`, { method: 'POST', headers })
  assert.equal(out.status, 204)
  assert.match(out.headers.get('set-cookie') ?? '', /=; Path=\/; Max-Age=0;/)
  assert.equal(await codeOf(await fetch(`${server.baseUrl}/v1/sessions`, { headers })), 'UNAUTHENTICATED')
})

test('an API key is refused once it is revoked, and one without a scope at once', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const reader = await server.server.core.createApiKey('reader', ['sessions:read'])
  const ask = (method: string): Promise<Response> =>
    fetch(`${server.baseUrl}/v1/sessions`, { method, headers: { authorization: `Bearer ${reader}` } })
  assert.equal((await ask('GET')).status, 200)
  assert.equal(await codeOf(await ask('POST')), 'FORBIDDEN')
  const record = (await server.store.apiKeys.list('default')).find(({ name }) => name === 'reader')
  await server.store.apiKeys.revoke('default', record?.id ?? '')
  assert.equal(await codeOf(await ask('GET')), 'API_KEY_INVALID')
})

test('behind https the cookie is bound to the host and never sent in clear', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0', '--public-url=https://t.example'] })
  const response = await signIn(server, await newCode(server))
  assert.match(response.headers.get('set-cookie') ?? '', /^__Host-cliscale_console_\d+=.*; Secure$/)
})

test('no log line shows a key, a code or a cookie', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=0'] })
  const code = await newCode(server)
  const cookie = cookieOf(await signIn(server, code))
  await signIn(server, code)
  await server.call('POST', '/v1/sessions', {
    secrets: { TOKEN: 'canary-secret-1' },
    env: { A: 'canary-env-2' },
  })
  await fetch(`${server.baseUrl}/v1/sessions?token=canary-query-3`, { headers: { cookie, ...OWN_PAGE } })
  for (const secret of [code, cookie.split('=')[1] ?? '', server.apiKey, 'canary'])
    assert.ok(!server.logged().includes(secret), secret)
  assert.ok(server.logged().length > 100)
})

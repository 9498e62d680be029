import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import { connected, openStage, shell, shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

/** A person sees the reason within three seconds of the mount; the rest is for slow machines. */
const SOON_MS = 20_000

/** An app's own endpoint, which pages of any origin may ask. */
async function endpoint(t: TestContext, answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => {
    response.setHeader('access-control-allow-origin', '*')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
}

/** What stands in the terminal's place, which `onError` must have been told too. */
async function reasonOn(page: Page): Promise<string> {
  const card = page.locator('.cliscale-card')
  await card.waitFor({ timeout: SOON_MS })
  const code = (await card.locator('code').textContent()) ?? ''
  const told = await waitFor('onError', async () =>
    (await page.evaluate(() => window.told)).find((one) => one.startsWith(`error ${code} `)),
  )
  const text = (await card.locator('p').first().textContent()) ?? ''
  assert.ok(told.includes(text), `${told} / ${text}`)
  return `${code} ${text}`
}

test('an endpoint that answers wrongly is told in its own words', async (t) => {
  const stage = await openStage(t)
  const answers: readonly (readonly [number, string, string, RegExp])[] = [
    [200, 'text/html', '<!doctype html><p>Sign in', /answered with a web page instead of/],
    [401, 'application/json', '{"error":"Please log in first"}', /answered 401: Please log in first/],
    [404, 'text/html', '<html>nope</html>', /answered 404/],
    [500, 'text/plain', 'the tenant is locked', /answered 500: the tenant is locked/],
    [200, 'application/json', '{}', /answered without a token/],
  ]
  for (const [status, type, body, expected] of answers) {
    const url = await endpoint(t, (_request, response) =>
      response.writeHead(status, { 'content-type': type }).end(body),
    )
    const page = await stage.open(`mount=endpoint&url=${encodeURIComponent(url)}`)
    assert.match(await reasonOn(page), expected)
    await page.close()
  }
})

test('who waits for an endpoint or a server that says nothing is told for whom', async (t) => {
  const stage = await openStage(t)
  const silent = await endpoint(t, () => undefined)
  const page = await stage.open(`mount=endpoint&url=${encodeURIComponent(silent)}`)
  assert.match(await reasonOn(page), /REQUEST_TIMEOUT The token source has not answered/)
  const token = await endpoint(t, (_request, response) =>
    response.end(JSON.stringify({ token: 't', url: 'ws://127.0.0.1:9/' })),
  )
  const other = await stage.open(`mount=endpoint&url=${encodeURIComponent(token)}`)
  assert.match(await reasonOn(other), /^CONNECTION_FAILED .*cannot be reached/)
})

test('a terminal without a source says what to give it', async (t) => {
  const stage = await openStage(t)
  assert.match(await reasonOn(await stage.open('mount=nothing')), /INVALID_OPTION .*`session`/)
  assert.match(await reasonOn(await stage.open('mount=no-provider')), /INVALID_OPTION .*CliscaleProvider/)
})

test('a part that is gone after a deploy is told, and loaded when it is there again', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open('')
  let gone = true
  await page.route(/\/screen-[^/]+\.js$/, (route) =>
    gone ? route.fulfill({ status: 404 }) : route.continue(),
  )
  await page.goto(`${stage.front.origin}/?mount=id&session=${id}`)
  assert.match(await reasonOn(page), /COMPONENT_NOT_LOADED/)
  gone = false
  await page.reload()
  await connected(page)
})

test('a server that does not let this origin in names its flag and the value, and a policy its directive', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const base = encodeURIComponent(stage.baseUrl)
  const page = await stage.open(`mount=id&session=${id}&base=${base}`)
  assert.ok((await reasonOn(page)).endsWith(`--allowed-origins=${stage.front.origin}.`), await reasonOn(page))
  const { url, token } = await (await stage.cliscale.sessions.get(id)).createToken()
  const tokens = await endpoint(t, (_request, response) => response.end(JSON.stringify({ url, token })))
  const socket = await stage.open(`mount=endpoint&url=${encodeURIComponent(tokens)}`)
  assert.ok((await reasonOn(socket)).endsWith(`--allowed-origins=${stage.front.origin}.`))

  const strict = await openStage(t, {
    policy: "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
  })
  const blocked = await strict.open(`mount=id&session=${id}&base=${base}`)
  assert.match(await reasonOn(blocked), /BLOCKED_BY_POLICY .*connect-src/)
})

test('a terminal works in another window, which needs the style sheet of its own', async (t) => {
  const stage = await openStage(t)
  const { id } = await stage.cliscale.sessions.create(shell)
  const page = await stage.open('')
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.goto(`${stage.front.origin}/?mount=popup&session=${id}`),
  ])
  await popup.waitForSelector('.cliscale[data-state="connected"]')
  await page.waitForFunction(() => window.terminal.role !== null)
  await shows(page, /^\$ ?$/m)
  await popup.locator('.xterm-helper-textarea').focus()
  await popup.keyboard.type("printf '\\033[38;2;255;120;40mover there\\033[0m\\n'\n")
  await shows(page, /^over there$/m)
  assert.deepEqual(stage.complaints, [])
})

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connected, openConsole, shows } from './open-console.ts'

const PREFIX = '/tools/cliscale'

/** A reverse proxy that serves the server below a path, which it takes away; Host stays what the browser sent. */
async function proxyBelowPath(t: TestContext): Promise<{ origin: string; upstream: { url: string } }> {
  const upstream = { url: '' }
  const inner = ({ url = '' }: IncomingMessage): string | undefined =>
    url.startsWith(`${PREFIX}/`) ? url.slice(PREFIX.length) : undefined
  const proxy = createServer((incoming, outgoing) => {
    const path = inner(incoming)
    if (path === undefined) {
      outgoing.writeHead(404).end()
      return
    }
    const { method, headers } = incoming
    const passed = request(new URL(path, upstream.url), { method: method ?? 'GET', headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    outgoing.on('close', () => passed.destroy())
    incoming.pipe(passed)
  })
  const sockets = new Set<Socket>()
  proxy.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    const path = inner(incoming)
    const { hostname, port } = new URL(upstream.url)
    if (path === undefined) return void socket.destroy()
    const other = connect(Number(port), hostname)
    const lines = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${String(value)}`)
    other.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    other.write(head)
    sockets.add(socket)
    const end = (): void => {
      socket.destroy()
      other.destroy()
    }
    for (const side of [socket, other]) side.on('error', end).on('close', end)
    socket.pipe(other)
    other.pipe(socket)
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    proxy.closeAllConnections()
    await new Promise<void>((resolve) => proxy.close(() => resolve()))
  })
  return { origin: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, upstream }
}

for (const named of [true, false]) {
  test(`below a path of a proxy a browser signs in and types; public URL ${named ? 'named' : 'not named'}`, async (t) => {
    const { origin, upstream } = await proxyBelowPath(t)
    const stage = await openConsole(t, named ? [`--public-url=${origin}${PREFIX}`] : [])
    upstream.url = stage.server.baseUrl
    const link = await stage.link()
    if (named) assert.ok(link.startsWith(`${origin}${PREFIX}/#code=`), link)
    const page = await stage.open(`${origin}${PREFIX}/${new URL(link).hash}`)
    await connected(page)
    await page.keyboard.type('echo $((6 * 7))\n')
    await shows(page, '42')
    await page.getByRole('button', { name: 'Share' }).click()
    const shared = await page.getByRole('textbox', { name: 'To watch' }).inputValue()
    assert.ok(shared.startsWith(`${origin}${PREFIX}/#/sessions/`), shared)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('heading', { name: 'Sign in to the console' }).waitFor()
    assert.deepEqual(stage.complaints, [])
  })
}

test('below a path of a proxy a recording is played and downloaded', async (t) => {
  const { origin, upstream } = await proxyBelowPath(t)
  const stage = await openConsole(t)
  upstream.url = stage.server.baseUrl
  const session = await stage.cliscale.sessions.create({
    command: 'echo',
    args: ['kept'],
    recording: 'output',
  })
  await session.waitUntil('ended')
  const page = await stage.open(`${origin}${PREFIX}/${new URL(await stage.link()).hash}`)
  // What signing in opens is open by then.
  await connected(page)
  await page.goto(`${origin}${PREFIX}/#/sessions/${session.id}`)
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Download' }).click(),
  ])
  assert.equal(download.url(), `${origin}${PREFIX}/v1/sessions/${session.id}/recording`)
  assert.match(await readFile(await download.path(), 'utf8'), /kept/)
  assert.deepEqual(stage.complaints, [])
})

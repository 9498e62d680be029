import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { capConnections } from '../../src/http/connection-cap.ts'
import { startTestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

/** Asks for an upgrade. Resolves to the answer. */
async function askUpgrade(t: TestContext, url: string, path: string): Promise<string> {
  const socket = await sendUpgrade(t, url, path)
  let answer = ''
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text))
  await waitFor(() => answer.includes('\r\n\r\n'), { what: `the answer to ${path}`, withinMs: 10_000 })
  return answer
}

async function sendUpgrade(t: TestContext, url: string, path: string): Promise<Socket> {
  const { hostname, port, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.after(() => socket.destroy())
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  return socket
}

for (const mode of ['all', 'controller'] as const) {
  test(`in mode ${mode} an upgrade that nobody serves is answered, and holds up no stop`, async (t) => {
    const flags = [`--mode=${mode}`, '--spare-runners=0']
    const { baseUrl, server } = await startTestServer(t, { flags })
    const terminals = mode === 'controller' ? ['/v1/sessions/ses_0123456789abcdefghijkl/terminal'] : []
    for (const path of ['/healthz', '/nowhere', ...terminals]) {
      const status = /^HTTP\/1\.1 (\d+)/.exec(await askUpgrade(t, baseUrl, path))?.[1]
      assert.equal(status, path === '/healthz' ? '200' : '404', path)
    }
    let closed = false
    const closing = server.close().then(() => (closed = true))
    await waitFor(() => closed, { what: 'the stop', withinMs: 20_000 })
    await closing
  })
}

test('an upgrade that comes when its server is about to stop, and nobody takes it any more, is closed', async (t) => {
  const server = createServer()
  capConnections(server, { max: 10, maxPerAddress: 10 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const socket = await sendUpgrade(t, url, '/v1/sessions/ses_0123456789abcdefghijkl/terminal')
  socket.resume()
  await waitFor(() => socket.destroyed || socket.readableEnded || socket.closed, {
    what: 'the close',
    withinMs: 10_000,
  })
})

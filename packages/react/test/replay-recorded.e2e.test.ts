import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { decodeClientMessage, type HelloMessage } from '@cliscale/sdk/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  fromHex,
  type RecordedExchange,
  recordedLives,
  type RecordedStep,
} from '../../sdk/test/protocol/recorded-exchange.ts'
import { openProfile } from './support/browser.ts'
import { buildPage } from './support/build-page.ts'
import { Front } from './support/front.ts'
import { shows } from './support/stage.ts'
import { waitFor } from './support/wait-for.ts'

/** A server of the recorded version, as far as one terminal sees it: it says, byte for byte, what was said then. */
async function oldServer(
  t: TestContext,
  { steps }: RecordedExchange,
): Promise<{ url: string; hellos: HelloMessage[]; keys: { readonly bytes: number } }> {
  const hellos: HelloMessage[] = []
  const keys = { bytes: 0 }
  const server = createServer((request, response) => {
    const url = `ws://${request.headers.host ?? ''}${(request.url ?? '').replace('/tokens', '/terminal')}`
    const access = { url, token: 'once', role: 'driver', expiresAt: '2100-01-01T00:00:00.000Z' }
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(access))
  })
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'cliscale.v1' })
  let connection = 0
  sockets.on('connection', (socket) => {
    const number = (connection += 1)
    const typed = { bytes: 0 }
    socket.on('message', (data: Buffer) => {
      const message = decodeClientMessage(new Uint8Array(data))
      if (message.type === 'input') {
        typed.bytes += message.data.length
        keys.bytes += message.data.length
      }
      if (message.type !== 'hello') return
      hellos.push(message)
      void say(
        socket,
        steps.filter((step) => 'connection' in step && step.connection === number),
        typed,
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, hellos, keys }
}

/** The server's side of one connection; where the recorded client typed, it waits until as much is typed now. */
async function say(
  socket: WebSocket,
  steps: readonly RecordedStep[],
  typed: { readonly bytes: number },
): Promise<void> {
  let expected = 0
  for (const step of steps) {
    if ('close' in step) {
      if (step.from === 'server') socket.close(step.close.code)
    } else if (!('hex' in step)) continue
    else if (step.from === 'server') socket.send(fromHex(step.hex))
    else if (step.message.type === 'input') {
      expected += step.message.data.length
      const bytes = expected
      await waitFor('the keys', () => typed.bytes >= bytes)
    }
  }
}

for (const exchange of recordedLives()) {
  test(`the component shows what a server of version ${exchange.version} says, over a reconnect`, async (t) => {
    const { url, hellos, keys } = await oldServer(t, exchange)
    const front = await Front.start({ upstream: url, apiKey: 'none', files: await buildPage() })
    t.after(() => front.stop())
    const page = await (await openProfile(t)).newPage()
    await page.goto(`${front.origin}/?session=ses_recorded`)
    await shows(page, 'grüße')
    await page.waitForSelector('.cliscale[data-state="connected"]')
    await page.keyboard.type('one\n')
    await shows(page, 'one 30 100')
    await page.keyboard.type('two\n')
    const output = exchange.steps.flatMap((step) =>
      'message' in step && step.message.type === 'output' && step.connection === 1
        ? [step.message.data.length]
        : [],
    )
    await waitFor('the key that is not answered', () => keys.bytes >= 8)
    front.cut()
    await waitFor('the second hello', () => hellos.length === 2)
    await page.keyboard.type('bye\n')
    await shows(page, 'bye 30 100')
    await waitFor('the exit', () => page.evaluate(() => window.told.includes('exit 5')))
    const received = output.reduce((sum, length) => sum + length, 0)
    assert.equal(hellos[1]?.resume?.offset, received)
  })
}

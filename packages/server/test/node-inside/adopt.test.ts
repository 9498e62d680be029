import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type OnReadOpts, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { adopt } from '../../src/node-inside/adopt.ts'
import { waitFor } from '../support/wait-for.ts'

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

interface Pair {
  readonly client: Socket
  readonly accepted: Socket
  readonly server: Server
}

/** A connection that an HTTP server handed over. */
async function upgraded(t: TestContext): Promise<Pair> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  t.after(() => {
    client.destroy()
    server.close()
  })
  client.on('error', () => undefined)
  client.write(REQUEST)
  const [, accepted] = (await once(server, 'upgrade')) as [unknown, Socket]
  return { client, accepted, server }
}

function reader(): { options: { onread: OnReadOpts; highWaterMark: number }; text: () => string } {
  const buffer = Buffer.alloc(1_024)
  let text = ''
  const callback = (length: number, read: Uint8Array): boolean => {
    text += Buffer.from(read.subarray(0, length)).toString('latin1')
    return true
  }
  return { options: { onread: { buffer, callback }, highWaterMark: 16_384 }, text: () => text }
}

test('an adopted connection reads into the given buffer, writes, ends, and is counted off by its server', async (t) => {
  const { client, accepted, server } = await upgraded(t)
  const { options, text } = reader()
  const { socket, early } = adopt(accepted, options)
  t.after(() => socket.destroy())
  assert.notEqual(socket, accepted)
  assert.equal(early, null)
  socket.resume()
  client.write('hello')
  await waitFor(() => text() === 'hello', { what: 'what the client wrote' })
  socket.write('good day')
  const [answer] = (await once(client, 'data')) as [Buffer]
  assert.equal(answer.toString(), 'good day')
  const ended = once(socket, 'end')
  client.end()
  await ended
  socket.end()
  server.close()
  await once(server, 'close')
})

test('what came before the adoption is handed over, and what comes later follows it', async (t) => {
  const { client, accepted } = await upgraded(t)
  client.write('early')
  accepted.read(0)
  await waitFor(() => accepted.readableLength === 5, { what: 'early bytes' })
  const { options, text } = reader()
  const { socket, early } = adopt(accepted, options)
  t.after(() => socket.destroy())
  assert.equal(early?.toString(), 'early')
  socket.resume()
  client.write('late')
  await waitFor(() => text() === 'late', { what: 'later bytes' })
})

test('a connection whose client has ended, and a socket of another kind, stay what they are', async (t) => {
  const { client, accepted } = await upgraded(t)
  const { options } = reader()
  client.end()
  const state = (accepted as unknown as { _readableState: { ended: boolean } })._readableState
  await waitFor(() => state.ended, { what: 'the end' })
  assert.equal(adopt(accepted, options).socket, accepted)
  accepted.destroy()
  assert.equal(adopt(accepted, options).socket, accepted)
  const other = new Socket()
  assert.equal(adopt(other, options).socket, other)
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, Socket } from 'node:net'
import { test } from 'node:test'
import { type Shape, shapeProblems } from '../../../runner/test/support/shape.ts'
import { adopt } from '../../src/node-inside/adopt.ts'

/** Every member of a socket that `src/node-inside/` uses and Node does not promise. */
const SOCKET: Shape = {
  '_handle.reading': 'boolean',
  '_handle.useUserBuffer': 'function/0',
  _server: 'object',
  '_readableState.ended': 'boolean',
}

test('a socket that this Node’s HTTP server accepted is inside as the gateway takes it, and is adopted', async (t) => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  t.after(() => {
    client.destroy()
    server.close()
  })
  client.on('error', () => undefined)
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
  const [, accepted] = (await once(server, 'upgrade')) as [unknown, Socket]
  assert.deepEqual(shapeProblems(accepted, SOCKET), [])
  const onread = { buffer: Buffer.alloc(1_024), callback: (): boolean => true }
  const { socket } = adopt(accepted, { onread, highWaterMark: 16_384 })
  t.after(() => socket.destroy())
  // Where it is not as expected, the gateway leaves a socket what it is: this tells that it does not.
  assert.notEqual(socket, accepted)
  assert.ok(socket instanceof Socket)
  assert.deepEqual(shapeProblems(socket, { _handle: 'object', _server: 'object' }), [])
})

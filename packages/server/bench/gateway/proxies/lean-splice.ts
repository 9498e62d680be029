// A WebSocket proxy on `node:http` without authentication, without looking at frames: what an upgrade costs at least.
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

const PEER = Symbol('peer')
interface Paired extends Socket {
  [PEER]?: Paired
}

function onData(this: Paired, chunk: Buffer): void {
  if (this[PEER]?.write(chunk) === false) this.pause()
}
function onDrain(this: Paired): void {
  this[PEER]?.resume()
}
function onEnd(this: Paired): void {
  this[PEER]?.end()
}
function onClose(this: Paired): void {
  this[PEER]?.destroy()
}
function ignore(): void {}

function join(socket: Paired, peer: Paired): void {
  socket[PEER] = peer
  socket.on('data', onData)
  socket.on('drain', onDrain)
  socket.on('end', onEnd)
  socket.on('close', onClose)
}

const target = Number(process.argv[2])
const END = Buffer.from('\r\n\r\n')

function onUpgrade(request: IncomingMessage, client: Socket, head: Buffer): void {
  const upstream = connect({
    port: target,
    host: '127.0.0.1',
    allowHalfOpen: true,
    noDelay: true,
    highWaterMark: 16_384,
  } as never)
  client.on('error', ignore)
  upstream.on('error', ignore)
  upstream.write(
    `GET ${request.url} HTTP/1.1\r\nHost: runner\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${request.headers['sec-websocket-key']}\r\n` +
      'Sec-WebSocket-Protocol: cliscale.v1\r\n\r\n',
  )
  let answer = Buffer.alloc(0)
  const onAnswer = (chunk: Buffer): void => {
    answer = Buffer.concat([answer, chunk])
    if (!answer.includes(END)) return
    upstream.off('data', onAnswer)
    client.write(answer)
    join(client, upstream)
    join(upstream, client)
    if (head.length > 0) upstream.write(head)
  }
  upstream.on('data', onAnswer)
}

const server = createServer({ highWaterMark: 16_384 })
server.on('upgrade', onUpgrade as never)
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())

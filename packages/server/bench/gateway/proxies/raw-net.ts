// The floor: both sockets joined without looking at a byte, the client's request sent on as it came.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

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

function watch(socket: Paired, peer: Paired): void {
  socket[PEER] = peer
  socket.on('data', onData)
  socket.on('drain', onDrain)
  socket.on('end', onEnd)
  socket.on('close', onClose)
  socket.on('error', ignore)
}

const target = Number(process.argv[2])
const server = createServer({ allowHalfOpen: true, noDelay: true, highWaterMark: 16_384 }, (client) => {
  const upstream = connect({
    port: target,
    host: '127.0.0.1',
    allowHalfOpen: true,
    noDelay: true,
    highWaterMark: 16_384,
  } as never)
  watch(client, upstream)
  watch(upstream, client)
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('disconnect', () => process.exit())

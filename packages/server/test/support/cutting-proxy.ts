import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A network between client and server that can be broken. */
export interface CuttingProxy {
  readonly url: string
  /** Connections that were broken so far. */
  readonly cuts: number
  /** Breaks every connection without a word, as a lost network does. */
  cut(): void
}

/** Puts a TCP forwarder before `target`, as in `http://127.0.0.1:1234`. */
export async function cuttingProxy(t: TestContext, target: string): Promise<CuttingProxy> {
  const { port, hostname } = new URL(target)
  const sockets = new Set<Socket>()
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect({ port: Number(port), host: hostname })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) {
      cuts += 1
      socket.resetAndDestroy()
    }
  }
  t.after(async () => {
    cut()
    server.close()
    await once(server, 'close')
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts
    },
    cut,
  }
}

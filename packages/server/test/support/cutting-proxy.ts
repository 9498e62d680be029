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

/** A listener on a Unix socket. */
export interface UnixTarget {
  readonly path: string
}

/** Puts a TCP forwarder before `target`, as in `http://127.0.0.1:1234`. */
export async function cuttingProxy(t: TestContext, target: string | UnixTarget): Promise<CuttingProxy> {
  const to = typeof target === 'string' ? addressOf(target) : target
  const sockets = new Set<Socket>()
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(to)
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
      // A Unix socket knows no reset.
      if (socket.remoteAddress === undefined) socket.destroy()
      else socket.resetAndDestroy()
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

function addressOf(url: string): { readonly port: number; readonly host: string } {
  const { port, hostname } = new URL(url)
  return { port: Number(port), host: hostname }
}

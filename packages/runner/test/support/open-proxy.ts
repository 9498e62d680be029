import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** What came to a proxy. */
export interface ProxiedRequest {
  /** `CONNECT host:port`, or `GET http://…`. */
  readonly line: string
  /** `user:password`; undefined without. */
  readonly credentials: string | undefined
}

/** A proxy (RFC 9110 §9.3.6) on loopback, and what came to it. */
export interface TestProxy {
  readonly host: string
  readonly requests: readonly ProxiedRequest[]
}

/** How a proxy behaves. */
export interface ProxyOptions {
  /** Where it connects to, whatever it is asked for, as `host:port`: it resolves names as it likes. */
  readonly target: string
  /** Refuses everything with this status. */
  readonly refuses?: number
  /** Speaks TLS itself. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** Opens a proxy that ends with the test. */
export async function openProxy(t: TestContext, { target, refuses, tls }: ProxyOptions): Promise<TestProxy> {
  const requests: ProxiedRequest[] = []
  const sockets = new Set<Socket>()
  const [host = '', port = ''] = target.split(':')
  const note = ({ method = '', url = '', headers }: IncomingMessage): void => {
    const basic = /^Basic (.+)$/.exec(headers['proxy-authorization'] ?? '')?.[1]
    const credentials = basic === undefined ? undefined : Buffer.from(basic, 'base64').toString()
    requests.push({ line: `${method} ${url}`, credentials })
  }
  const server: Server = tls === undefined ? createServer() : createTlsServer({ ...tls })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.on('request', (request, response) => {
    note(request)
    if (refuses !== undefined) response.writeHead(refuses).end()
    else {
      const { pathname } = new URL(request.url ?? '')
      httpRequest({ host, port, path: pathname, agent: false }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      }).end()
    }
  })
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    note(request)
    client.on('error', () => {})
    if (refuses !== undefined) {
      client.end(`HTTP/1.1 ${refuses} No\r\n\r\n`)
      return
    }
    const upstream = connect({ host, port: Number(port) }, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

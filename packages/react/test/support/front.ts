import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'

/** What a {@link Front} shows and where it passes the rest on to. */
export interface FrontOptions {
  /** Address of the Cliscale server. */
  readonly upstream: string
  /** Sent with every REST request, as an app's own backend would. */
  readonly apiKey: string
  /** Files by path. */
  readonly files: Readonly<Record<string, { readonly type: string; readonly body: string | Uint8Array }>>
  /** The app's own endpoints, by path: what is answered as JSON. */
  readonly answers?: Readonly<Record<string, () => Promise<object>>>
  /** Extra headers of every file, such as a policy. */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * An app's own server in front of Cliscale: it serves pages, holds the API key, and passes `/v1` on. It counts what
 * passes and can take the network away.
 */
export class Front {
  readonly #options: FrontOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Terminal sockets that were opened. */
  upgrades = 0
  /** Tokens that were given out: creates, and requests for more. */
  tokens = 0
  /** Terminal sockets that are open now. */
  get open(): number {
    return this.#sockets.size
  }
  /** While false, every request and socket is refused. */
  up = true

  private constructor(options: FrontOptions) {
    this.#options = options
    this.#server = createServer((incoming, outgoing) => this.#handle(incoming, outgoing))
    this.#server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(incoming, socket, head),
    )
  }

  static async start(options: FrontOptions): Promise<Front> {
    const front = new Front(options)
    await new Promise<void>((resolve) => front.#server.listen(0, '127.0.0.1', resolve))
    return front
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Cuts every terminal socket without a close, as a lost network does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cut()
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (!this.up) {
      incoming.socket.destroy()
      return
    }
    const path = (incoming.url ?? '/').split('?')[0] ?? '/'
    const answer = this.#options.answers?.[path]
    if (answer !== undefined) {
      answer().then(
        (value) => outgoing.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value)),
        () => outgoing.destroy(),
      )
      return
    }
    const file = this.#options.files[path]
    if (file !== undefined) {
      outgoing.writeHead(200, { 'content-type': file.type, ...this.#options.headers }).end(file.body)
      return
    }
    if (!path.startsWith('/v1/')) {
      outgoing.writeHead(404).end()
      return
    }
    if (incoming.method === 'POST' && /^\/v1\/sessions(\/[^/]+\/tokens)?$/.test(path)) this.tokens += 1
    this.#pass(incoming, outgoing)
  }

  #pass(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { headers } = incoming
    const upstream = request(
      new URL(incoming.url ?? '/', this.#options.upstream),
      {
        method: incoming.method ?? 'GET',
        headers: { ...headers, authorization: `Bearer ${this.#options.apiKey}` },
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      },
    )
    upstream.on('error', () => outgoing.destroy())
    outgoing.on('close', () => upstream.destroy())
    incoming.pipe(upstream)
  }

  #upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    if (!this.up) {
      socket.destroy()
      return
    }
    this.upgrades += 1
    const { hostname, port } = new URL(this.#options.upstream)
    const upstream = connect(Number(port), hostname)
    const lines = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${String(value)}`)
    upstream.write(`GET ${incoming.url ?? '/'} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    upstream.write(head)
    this.#sockets.add(socket)
    const end = (): void => {
      this.#sockets.delete(socket)
      socket.destroy()
      upstream.destroy()
    }
    for (const side of [socket, upstream]) side.on('error', end).on('close', end)
    socket.pipe(upstream)
    upstream.pipe(socket)
  }
}

import type { AddressInfo } from 'node:net'
import type { IncomingMessage, Server } from 'node:http'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { type WebSocket, WebSocketServer } from 'ws'
import {
  CLISCALE_SUBPROTOCOL,
  type ClientMessage,
  decodeClientMessage,
  encodeServerMessage,
  type HelloMessage,
  type ReadyMessage,
  type ServerMessage,
} from '../../src/protocol/index.ts'
import { within } from './wait-for.ts'

/** A `ready` of a session that just began. */
export const READY: ReadyMessage = {
  type: 'ready',
  epoch: 'epoch-1',
  offset: 0,
  mode: 'fresh',
  replayBytes: 0,
  inputOffset: 0,
  columns: 80,
  rows: 24,
  role: 'driver',
  driver: true,
}

/** The server's side of one terminal socket. */
export class Peer {
  readonly request: IncomingMessage
  readonly socket: WebSocket
  readonly received: ClientMessage[] = []
  closed = false
  #wake: () => void = () => undefined

  constructor(socket: WebSocket, request: IncomingMessage) {
    this.socket = socket
    this.request = request
    socket.on('message', (data: Buffer) => {
      this.received.push(decodeClientMessage(new Uint8Array(data)))
      this.#wake()
    })
    socket.on('close', () => {
      this.closed = true
      this.#wake()
    })
  }

  send(...messages: ServerMessage[]): void {
    for (const message of messages) this.socket.send(encodeServerMessage(message))
  }

  /** Takes the next message of a type; those of other types before it are passed over. */
  async next<T extends ClientMessage['type']>(
    type: T,
  ): Promise<Extract<ClientMessage, { readonly type: T }>> {
    return await within(`a ${type} message`, this.#next(type))
  }

  async hello(): Promise<HelloMessage> {
    return await this.next('hello')
  }

  async #next<T extends ClientMessage['type']>(
    type: T,
  ): Promise<Extract<ClientMessage, { readonly type: T }>> {
    for (;;) {
      for (let message = this.received.shift(); message !== undefined; message = this.received.shift()) {
        if (message.type === type) return message as Extract<ClientMessage, { readonly type: T }>
      }
      if (this.closed) throw new Error(`the socket was closed before a ${type} message`)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/**
 * A WebSocket server that a test speaks for: for what the real server cannot be made to do, such as falling silent,
 * breaking the protocol or being of a later version. Everything else is tested against the real one.
 */
export class ScriptedServer {
  readonly url: string
  readonly httpUrl: string
  /** Answers upgrades with a plain HTTP refusal while set. */
  refusal: { status: number; headers: Record<string, string>; body: string } | undefined
  upgrades = 0
  readonly #server: Server
  readonly #peers: Peer[] = []
  readonly #all = new Set<Peer>()
  #wake: () => void = () => undefined

  constructor(server: Server) {
    this.#server = server
    const { port } = server.address() as AddressInfo
    this.url = `ws://127.0.0.1:${port}/terminal`
    this.httpUrl = `http://127.0.0.1:${port}`
    const sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (offered.has(CLISCALE_SUBPROTOCOL) ? CLISCALE_SUBPROTOCOL : false),
    })
    server.on('upgrade', (request, socket, head) => {
      this.upgrades += 1
      if (this.refusal !== undefined) {
        const { status, headers, body } = this.refusal
        const lines = Object.entries({ ...headers, 'content-length': String(Buffer.byteLength(body)) })
        const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
        socket.end(`HTTP/1.1 ${status} Refused\r\n${head}connection: close\r\n\r\n${body}`)
        return
      }
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const peer = new Peer(webSocket, request)
        this.#peers.push(peer)
        this.#all.add(peer)
        this.#wake()
      })
    })
  }

  /** The next connection. */
  async accept(): Promise<Peer> {
    const take = async (): Promise<Peer> => {
      for (;;) {
        const peer = this.#peers.shift()
        if (peer !== undefined) return peer
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
      }
    }
    return await within('a connection', take())
  }

  async close(): Promise<void> {
    for (const { socket } of this.#all) socket.terminate()
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}

/** Starts a {@link ScriptedServer}, ended with the test. `onRequest` answers plain HTTP. */
export async function scriptedServer(
  t: TestContext,
  onRequest?: Parameters<typeof createServer>[1],
): Promise<ScriptedServer> {
  const server = onRequest === undefined ? createServer() : createServer(onRequest as never)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const scripted = new ScriptedServer(server)
  t.after(() => scripted.close())
  return scripted
}

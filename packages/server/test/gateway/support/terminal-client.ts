import type { IncomingMessage } from 'node:http'
import type { TestContext } from 'node:test'
import {
  type ClientMessage,
  decodeServerMessage,
  encodeClientMessage,
  type ServerMessage,
} from '@cliscale/sdk/protocol'
import { type ClientOptions, WebSocket } from 'ws'
import { waitFor } from '../../support/wait-for.ts'

/** A client as another implementation (ws) makes it. */
export interface TerminalClient {
  readonly socket: WebSocket
  readonly messages: ServerMessage[]
  /** Pings of the server. */
  readonly pings: Buffer[]
  /** Set once closed. */
  closed: { code: number; reason: string } | null
  /** Set when the server answered by HTTP. */
  refused: { status: number; body: string; headers: IncomingMessage['headers'] } | null
  send(message: ClientMessage): void
  /** The first message of a type. */
  got<T extends ServerMessage['type']>(type: T): Promise<Extract<ServerMessage, { type: T }>>
  /** Waits for the close or the refusal. */
  over(): Promise<{ code: number; reason: string }>
}

export interface ConnectOptions extends ClientOptions {
  readonly token?: string
  readonly protocols?: readonly string[]
}

/** Opens a terminal. */
export function connectTerminal(t: TestContext, url: string, options: ConnectOptions = {}): TerminalClient {
  const { token, protocols = ['cliscale.v1'], ...rest } = options
  const offered = token === undefined ? [...protocols] : [...protocols, `cliscale.bearer.${token}`]
  const socket = new WebSocket(url, offered, rest)
  const client: TerminalClient = {
    socket,
    messages: [],
    pings: [],
    closed: null,
    refused: null,
    send: (message) => socket.send(encodeClientMessage(message)),
    got: async (type) => {
      const found = (): ServerMessage | undefined => client.messages.find((message) => message.type === type)
      return (await waitFor(found, { what: `a message "${type}"` })) as never
    },
    over: () => waitFor(() => client.closed, { what: 'the close' }),
  }
  socket.on('message', (data: Buffer) => client.messages.push(decodeServerMessage(data)))
  socket.on('ping', (data: Buffer) => client.pings.push(data))
  socket.on('close', (code, reason) => {
    client.closed = { code, reason: reason.toString() }
  })
  socket.on('unexpected-response', (_request, response) => {
    let body = ''
    response.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    response.on('end', () => {
      client.refused = { status: response.statusCode ?? 0, body, headers: response.headers }
    })
  })
  socket.on('error', () => undefined)
  t.after(() => socket.terminate())
  return client
}

/** Waits until the socket is open. */
export async function opened(client: TerminalClient): Promise<TerminalClient> {
  await waitFor(() => client.socket.readyState === WebSocket.OPEN, { what: 'the socket to open' })
  return client
}

/** Waits for the answer by HTTP. */
export async function refusal(
  client: TerminalClient,
): Promise<{ status: number; code: string; headers: IncomingMessage['headers'] }> {
  const { status, body, headers } = await waitFor(() => client.refused, { what: 'the refusal' })
  return { status, code: (JSON.parse(body) as { error: { code: string } }).error.code, headers }
}

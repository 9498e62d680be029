import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { createServer as createNetServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { RUNNER_PATHS } from '@cliscale/sdk/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { waitFor } from '../../support/wait-for.ts'

/** The runner's end of a terminal as another implementation (ws) sees it. */
export interface RunnerEnd {
  readonly address: string
  /** Connections in the order in which they came. */
  readonly connections: readonly RunnerConnection[]
  /** The next connection that was not taken yet. */
  next(): Promise<RunnerConnection>
}

export interface RunnerConnection {
  readonly socket: WebSocket
  readonly request: IncomingMessage
  /** Payloads as text. */
  readonly received: string[]
  /** Payloads as bytes. */
  readonly chunks: Buffer[]
  closeCode: number
}

/** Status to answer an upgrade with instead of 101. */
export type Refuse = (request: IncomingMessage) => number | null

/** Listens on a Unix socket in `folder`. */
export async function runnerEnd(
  t: TestContext,
  folder: string,
  options: { name?: string; refuse?: Refuse; maxPayload?: number } = {},
): Promise<RunnerEnd> {
  const path = join(folder, options.name ?? 'runner.sock')
  const http = createServer()
  const ws = new WebSocketServer({ noServer: true, maxPayload: options.maxPayload ?? 1 << 20 })
  const connections: RunnerConnection[] = []
  let taken = 0
  http.on('upgrade', (request, socket, head) => {
    const status = request.url === RUNNER_PATHS.terminal ? (options.refuse?.(request) ?? null) : 404
    if (status !== null) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    ws.handleUpgrade(request, socket, head, (client) => connections.push(watch(client, request)))
  })
  http.listen(path)
  await once(http, 'listening')
  t.after(() => {
    for (const { socket } of connections) socket.terminate()
    http.close()
    http.closeAllConnections()
  })
  return {
    address: `unix:${path}`,
    connections,
    next: () =>
      waitFor(() => connections.length > taken && connections[taken++], {
        what: 'a connection to the runner',
      }),
  }
}

function watch(socket: WebSocket, request: IncomingMessage): RunnerConnection {
  const connection: RunnerConnection = { socket, request, received: [], chunks: [], closeCode: 0 }
  socket.on('message', (data: Buffer) => {
    connection.chunks.push(data)
    connection.received.push(data.toString())
  })
  socket.on('close', (code) => {
    connection.closeCode = code
  })
  socket.on('error', () => undefined)
  return connection
}

/** A runner's end that only does what the test says, byte by byte. */
export async function rawRunnerEnd(
  t: TestContext,
  folder: string,
  onConnection: (socket: Socket) => void,
  name = 'raw.sock',
): Promise<string> {
  const path = join(folder, name)
  const server = createNetServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    t.after(() => socket.destroy())
    onConnection(socket)
  })
  server.listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  return `unix:${path}`
}

/** The 101 to a request, as RFC 6455 asks for. */
export function acceptText(request: string): string {
  const key = /sec-websocket-key: (.+)\r\n/i.exec(request)?.[1] ?? ''
  const protocol = /sec-websocket-protocol: (.+)\r\n/i.exec(request)?.[1] ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return (
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`
  )
}

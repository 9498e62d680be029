import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

import {
  CLISCALE_SUBPROTOCOL,
  type ErrorBody,
  type ErrorCode,
  errorRow,
  isRole,
  MAX_CLIENT_FRAME_BYTES,
  MAX_HEADER_BYTES,
  REQUEST_ID_HEADER,
  ROLE_HEADER,
  RUNNER_PATHS,
  TERMINAL_SUBPROTOCOLS,
  type TerminalSubprotocol,
  TTY_SUBPROTOCOL,
} from '@cliscale/sdk/protocol'
import type { Server as SocketServer } from 'ws'

import { readAssignment, readStop, readUpdate, RefusedRequest } from './assignment.ts'
import type { Authentication } from './authentication.ts'
import type { EventStreams } from './event-stream.ts'
import type { Log } from './log.ts'
import type { Runner } from './runner.ts'
import type { TerminalSocket } from './terminal/socket.ts'

/**
 * Not imported: an import of `node:http` reads every export of it, among them a getter that loads an HTTP client and a
 * WebSocket client, which doubles the time that Node needs to start.
 */
const { createServer, STATUS_CODES } = process.getBuiltinModule('node:http')

/** Largest request body: an assignment with all its arguments and its whole environment, as JSON. */
const MAX_REQUEST_BYTES = 2_097_152

/** A request must have arrived within this time. */
const REQUEST_TIMEOUT_MS = 10_000

/** Connections at one time: clients, a few controllers, and room for those that are refused. */
const MAX_CONNECTIONS = 256

/** Probes find peers that are gone without a word; a driver that is gone must not hold its program back. */
const CONNECTIONS = {
  maxHeaderSize: MAX_HEADER_BYTES,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
} as const

/** What the port serves. */
export interface PortParts {
  readonly runner: Runner
  readonly events: EventStreams
  readonly authentication: Authentication
  readonly log: Log
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/** The runner's one port: HTTP for the controller, WebSocket for terminals. */
export function createPort(parts: PortParts): Server {
  const routes = createRoutes(parts)
  const server = createServer({ ...CONNECTIONS }, (request, response) => {
    void answer(request, response, { routes, parts })
  })
  server.headersTimeout = REQUEST_TIMEOUT_MS
  server.maxConnections = MAX_CONNECTIONS
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy())
    void upgrade(request, { socket, head, parts })
  })
  return server
}

function createRoutes({ runner, events }: PortParts): ReadonlyMap<string, Handler> {
  return new Map<string, Handler>([
    [`GET ${RUNNER_PATHS.status}`, (_request, response) => sendJson(response, 200, runner.status)],
    [
      `GET ${RUNNER_PATHS.events}`,
      (_request, response) => {
        runner.controllerSeen(true)
        events.add(response, { type: 'status', status: runner.status }, () => {
          if (events.size === 0) runner.controllerSeen(false)
        })
      },
    ],
    [
      `GET ${RUNNER_PATHS.recording}`,
      async (request, response) => {
        const { sendRecording } = await import('./recording/send-recording.ts')
        const taken = (): void => runner.recordingTaken()
        await sendRecording(runner.recorder, { request, response, taken })
      },
    ],
    [
      `POST ${RUNNER_PATHS.assign}`,
      async (request, response) => {
        runner.assign(readAssignment(await readJson(request)))
        sendJson(response, 202, runner.status)
      },
    ],
    [
      `POST ${RUNNER_PATHS.stop}`,
      async (request, response) => {
        const stop = readStop(await readJson(request))
        sendJson(response, 202, runner.status)
        runner.stop(stop)
      },
    ],
    [
      `POST ${RUNNER_PATHS.update}`,
      async (request, response) => {
        runner.update(readUpdate(await readJson(request)))
        sendJson(response, 200, runner.status)
      },
    ],
  ])
}

interface Answering {
  readonly routes: ReadonlyMap<string, Handler>
  readonly parts: PortParts
}

async function answer(request: IncomingMessage, response: ServerResponse, to: Answering): Promise<void> {
  const path = pathOf(request)
  try {
    if (path === RUNNER_PATHS.health && request.method === 'GET') {
      response.end('ok')
      return
    }
    to.parts.authentication.check(request)
    if (to.parts.events.size === 0) to.parts.runner.controllerSeen(false)
    const handler = to.routes.get(`${request.method} ${path}`)
    if (handler === undefined) throw unrouted(path)
    await handler(request, response)
  } catch (error) {
    const refusal = refusalOf(error, to.parts.log)
    if (response.headersSent) response.destroy()
    else sendJson(response, statusOf(refusal.code), errorBody(refusal, requestIdOf(request)))
  }
}

function unrouted(path: string): RefusedRequest {
  const paths: readonly string[] = Object.values(RUNNER_PATHS)
  if (path === RUNNER_PATHS.terminal) return new RefusedRequest('UPGRADE_REQUIRED', 'This is a WebSocket.')
  return paths.includes(path)
    ? new RefusedRequest('METHOD_NOT_ALLOWED', 'The address has another method.')
    : new RefusedRequest('NOT_FOUND', 'There is nothing at this address.')
}

interface Upgrading {
  readonly socket: Duplex
  readonly head: Buffer
  readonly parts: PortParts
}

async function upgrade(request: IncomingMessage, on: Upgrading): Promise<void> {
  try {
    on.parts.authentication.check(request)
    if (pathOf(request) !== RUNNER_PATHS.terminal) throw unrouted(pathOf(request))
    const role = request.headers[ROLE_HEADER]
    if (!isRole(role)) throw new RefusedRequest('BAD_REQUEST', `${ROLE_HEADER} must be driver or observer.`)
    if (on.parts.runner.status.state === 'blank') {
      throw new RefusedRequest('CONFLICT', 'The runner has no session yet.')
    }
    const protocol = offered(request)
    const sockets = await webSockets()
    sockets.handleUpgrade(request, on.socket, on.head, (socket) => {
      const requestId = requestIdOf(request)
      on.parts.runner.server.accept(socket, { stream: on.socket, protocol, role, requestId })
    })
  } catch (error) {
    const refusal = refusalOf(error, on.parts.log)
    refuseUpgrade(on.socket, refusal, requestIdOf(request))
  }
}

/** The best subprotocol that was offered. */
function offered(request: IncomingMessage): TerminalSubprotocol {
  const names = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim())
  const best = TERMINAL_SUBPROTOCOLS.find((protocol) => names.includes(protocol))
  if (best !== undefined) return best
  throw new RefusedRequest('SUBPROTOCOL_REQUIRED', `Offer ${CLISCALE_SUBPROTOCOL} or ${TTY_SUBPROTOCOL}.`)
}

type Sockets = SocketServer<typeof TerminalSocket>

let loading: Promise<Sockets> | undefined

/** The WebSocket library, loaded after the runner has answered its first status. */
export async function webSockets(): Promise<Sockets> {
  loading ??= Promise.all([import('ws'), import('./terminal/socket.ts')]).then(
    ([{ WebSocketServer }, { TerminalSocket: WebSocket }]) =>
      new WebSocketServer({
        noServer: true,
        WebSocket,
        clientTracking: false,
        perMessageDeflate: false,
        maxPayload: MAX_CLIENT_FRAME_BYTES,
        handleProtocols: (names) => TERMINAL_SUBPROTOCOLS.find((protocol) => names.has(protocol)) ?? false,
      }),
  )
  return loading
}

function refuseUpgrade(socket: Duplex, refusal: RefusedRequest, requestId: string): void {
  const body = JSON.stringify(errorBody(refusal, requestId))
  const status = statusOf(refusal.code)
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  )
}

/**
 * What is too large is refused at once and then discarded as it comes, within the time that a request has: a caller that
 * is cut off while it sends never sees why.
 */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes <= MAX_REQUEST_BYTES) return void chunks.push(chunk)
    chunks.length = 0
    reject(new RefusedRequest('BODY_TOO_LARGE', `The body is larger than ${MAX_REQUEST_BYTES} bytes.`))
  })
  request.once('end', resolve)
  request.once('error', reject)
  await promise
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown
  } catch {
    throw new RefusedRequest('MALFORMED_JSON', 'The body is not valid JSON.')
  }
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

function errorBody(refusal: RefusedRequest, requestId: string): ErrorBody {
  const { code, message, details } = refusal
  return { error: { code, message, requestId, ...(details.length === 0 ? {} : { details }) } }
}

function statusOf(code: ErrorCode): number {
  return errorRow(code).status
}

function refusalOf(error: unknown, log: Log): RefusedRequest {
  if (error instanceof RefusedRequest) return error
  // A request that broke off has nobody to answer to.
  log.error('request failed', { reason: error instanceof Error ? error.message : String(error) })
  return new RefusedRequest('INTERNAL', 'The runner failed unexpectedly.')
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? ''
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

function requestIdOf(request: IncomingMessage): string {
  const given = request.headers[REQUEST_ID_HEADER]
  return typeof given === 'string' && given.length <= 128 ? given : randomUUID()
}

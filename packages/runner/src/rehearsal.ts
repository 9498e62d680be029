import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'

import {
  CLISCALE_SUBPROTOCOL,
  PROTOCOL_VERSION,
  ROLE_HEADER,
  RUNNER_ID_HEADER,
  RUNNER_PATHS,
} from '@cliscale/sdk/protocol'

import { Authentication } from './authentication.ts'
import type { RunnerConfig } from './config.ts'
import { EventStreams } from './event-stream.ts'
import { createLog, type Log } from './log.ts'
import { createPort } from './port.ts'
import { Runner } from './runner.ts'

/** A blank runner that was not needed at once has time. */
const AFTER_MS = 100

/**
 * While a blank runner waits, plays a session through: a port that nobody else reaches, an assignment, a program in a
 * sandbox, a terminal. Code is loaded and compiled when it first runs, which would otherwise be a third of the time from
 * an assignment to its first byte.
 *
 * @param signal aborted before the runner starts its session: no rehearsal begins then, and of one that is under way no
 *   descriptor is left that the session's command could inherit
 */
export function rehearseSoon(config: RunnerConfig, log: Log, signal: AbortSignal): void {
  setTimeout(() => {
    if (signal.aborted) return
    log.debug('rehearsal begins')
    // A session that cannot be played cannot be started either, and then says so to whom it belongs.
    rehearse(config, signal).then(
      () => log.debug('rehearsal over'),
      (error: unknown) => log.debug('rehearsal failed', { error: String(error) }),
    )
  }, AFTER_MS).unref()
}

async function rehearse(config: RunnerConfig, signal: AbortSignal): Promise<void> {
  const secret = randomBytes(16).toString('base64url')
  const headers = { [RUNNER_ID_HEADER]: config.runnerId, authorization: `Bearer ${secret}` }
  const log = createLog('silent', {})
  const events = new EventStreams(() => {})
  // What the session runs as its own user must outlive the rehearsal.
  const runner = new Runner({ ...config, user: undefined }, log, {
    assigned: () => {},
    event: (event) => events.send(event),
    exitDelivered: () => true,
    counted: () => {},
    over: () => {},
  })
  // Also once it is over: its program takes a moment to end.
  signal.addEventListener('abort', () => runner.abandon())
  const port = createPort({
    runner,
    events,
    authentication: new Authentication(config.runnerId, secret),
    log,
  })
  try {
    runner.prepare()
    await assign(port, headers, signal)
    await attach(port, headers, signal)
  } finally {
    runner.stop({ reason: 'killed', graceMs: 0 })
  }
}

type Headers = Readonly<Record<string, string>>

async function assign(port: Server, headers: Headers, signal: AbortSignal): Promise<void> {
  const body = JSON.stringify({
    sessionId: `ses_${randomBytes(16).toString('base64url')}`,
    command: 'cat',
    args: [],
    env: {},
    columns: 80,
    rows: 24,
    expiresAtMs: Date.now() + 60_000,
    idleTimeoutMs: 0,
  })
  const length = { 'content-length': String(body.length), 'content-type': 'application/json' }
  const client = connect(port)
  client.write(`${head('POST', RUNNER_PATHS.assign, { ...headers, ...length })}${body}`)
  await once(client, 'data', { signal })
  client.destroy()
}

async function attach(port: Server, headers: Headers, signal: AbortSignal): Promise<void> {
  const client = connect(port)
  client.write(
    head('GET', RUNNER_PATHS.terminal, {
      ...headers,
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      'sec-websocket-protocol': CLISCALE_SUBPROTOCOL,
      [ROLE_HEADER]: 'driver',
    }),
  )
  await once(client, 'data', { signal })
  client.write(
    maskedFrame(JSON.stringify({ v: PROTOCOL_VERSION, client: 'rehearsal', columns: 80, rows: 24 })),
  )
  await once(client, 'data', { signal })
  client.resume()
}

/** A connection to a server that listens nowhere. */
function connect(port: Server): Duplex {
  const [client, socket] = duplexPair()
  client.on('error', () => {})
  port.emit('connection', socket)
  return client
}

function head(method: string, path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: 'runner', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** A binary frame of a client (RFC 6455 §5.2) of at most 125 bytes, whose mask is zero. */
function maskedFrame(text: string): Buffer {
  return Buffer.concat([Buffer.from([0x82, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])
}

import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { type AppOptions, createApp } from '../../src/http/app.ts'
import { HostCheck } from '../../src/http/host-check.ts'
import { createLog } from '../../src/observability/log.ts'
import { tellLogOfFailure } from './tell-log.ts'

/** The public HTTP server with routes of the test's own. */
export interface TestApp {
  readonly url: string
  readonly port: number
  readonly logged: () => string
}

/** Listens on loopback until the test is over. */
export async function startApp(
  t: TestContext,
  addRoutes: (app: FastifyInstance) => void,
  options: Partial<AppOptions> = {},
): Promise<TestApp> {
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => lines.push(line) } })
  tellLogOfFailure(t, 'the app', () => lines.join(''))
  const app = await createApp({
    log,
    hosts: new HostCheck(['127.0.0.1']),
    allowedOrigins: [],
    https: false,
    ...options,
  })
  addRoutes(app)
  t.after(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, port, logged: () => lines.join('') }
}

/** Writes bytes to a port and reads until the other side closes. */
export async function sendRaw(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const { promise, resolve } = Promise.withResolvers<string>()
  let answer = ''
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
  socket.on('error', () => resolve(answer))
  socket.on('close', () => resolve(answer))
  socket.write(bytes)
  return promise
}

/** The JSON body of a raw HTTP answer. */
export function bodyOf(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
}

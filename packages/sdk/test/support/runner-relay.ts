import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { type Role, ROLE_HEADER, RUNNER_PATHS } from '../../src/protocol/index.ts'
import { startRunner, type TestRunner } from '../../../runner/test/support/start-runner.ts'

/** Node 24 or newer for runners and servers, also while the SDK itself is tested on an older one. */
export const SERVER_NODE = process.env.CLISCALE_TEST_NODE || process.execPath

const HEAD_END = '\r\n\r\n'

/**
 * Puts a real runner behind a TCP port, as a gateway would: it changes the head of the upgrade request and then passes
 * bytes untouched. The token of a connection is the role that it asks for. Connections can be cut at any byte.
 */
export class RunnerRelay {
  readonly runner: TestRunner
  readonly url: string
  /** Connections so far. */
  connections = 0
  /** Bytes that came from the runner. */
  bytesFromRunner = 0
  readonly #server: Server
  readonly #pairs = new Set<{ readonly client: Socket; readonly upstream: Socket }>()

  constructor(server: Server, runner: TestRunner) {
    this.#server = server
    this.runner = runner
    this.url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}${RUNNER_PATHS.terminal}`
    server.on('connection', (client) => this.#accept(client))
  }

  /** Breaks every connection as a lost network does. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.destroy()
      upstream.destroy()
    }
  }

  /** Stops passing bytes in both directions without a word, as a network does that drops packets. */
  freeze(): void {
    for (const { client, upstream } of this.#pairs) {
      client.pause()
      upstream.pause()
    }
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #accept(client: Socket): void {
    this.connections += 1
    const upstream = connect(this.runner.socketPath)
    const pair = { client, upstream }
    this.#pairs.add(pair)
    let head = ''
    const onHead = (chunk: Buffer): void => {
      head += chunk.toString('latin1')
      const end = head.indexOf(HEAD_END)
      if (end === -1) return
      client.off('data', onHead)
      upstream.write(this.#rewrite(head.slice(0, end)) + head.slice(end), 'latin1')
      client.pipe(upstream)
    }
    client.on('data', onHead)
    upstream.on('data', (chunk) => (this.bytesFromRunner += chunk.length))
    upstream.pipe(client)
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        other.destroy()
        this.#pairs.delete(pair)
      })
    }
  }

  #rewrite(head: string): string {
    const lines = head.split('\r\n')
    const token = lines
      .find((line) => /^authorization: bearer /i.test(line))
      ?.slice('authorization: bearer '.length)
    const role: Role = token === 'observer' ? 'observer' : 'driver'
    const headers = Object.entries({ ...this.runner.headers, [ROLE_HEADER]: role })
    return [
      ...lines.filter((line) => !/^authorization:/i.test(line)),
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ].join('\r\n')
  }
}

/** Starts a real runner behind a {@link RunnerRelay}; both end with the test. */
export async function runnerRelay(t: TestContext): Promise<RunnerRelay> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const runner = await startRunner(t, { node: SERVER_NODE })
  const relay = new RunnerRelay(server, runner)
  t.after(() => relay.close())
  return relay
}

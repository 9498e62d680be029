import assert from 'node:assert/strict'
import { openSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { HostRules } from '../src/bundle/allowed-hosts.ts'
import { download } from '../src/bundle/fetch.ts'
import { NetworkFault } from '../src/bundle/network-fault.ts'
import { PLAIN_WORLD } from '../src/bundle/outside-world.ts'
import { tarOf } from './support/archives.ts'
import {
  installHere,
  type InstallOptions,
  type Outcome,
  serve,
  temporaryFolder,
} from './support/install-here.ts'

const ARCHIVE = tarOf([{ path: 'tool', content: 'x' }])
const LOOPBACK = { httpHosts: ['127.0.0.1'], privateNetworks: [] }

async function serveTcp(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    onSocket(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A port at which nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

const answering =
  (listener: RequestListener) =>
  async (t: TestContext): Promise<string> =>
    `http://${await serve(t, listener)}/`

/** What may happen between here and a host, with what the log says of it. */
const FAULTS: readonly (readonly [what: string, url: (t: TestContext) => Promise<string>, reason: RegExp])[] =
  [
    ['a closed port', async () => `http://${await closedPort()}/`, /ECONNREFUSED at 127\.0\.0\.1 port \d+/],
    [
      'a reset',
      async (t) => `http://${await serveTcp(t, (socket) => socket.resetAndDestroy())}/`,
      /ECONNRESET/,
    ],
    ['a goodbye', async (t) => `http://${await serveTcp(t, (socket) => socket.end())}/`, /ECONNRESET/],
    [
      'another protocol',
      async (t) => `http://${await serveTcp(t, (socket) => socket.end('SSH-2.0-x\r\n'))}/`,
      /HPE_/,
    ],
    [
      'no TLS',
      async (t) => `https://${await serve(t, (_request, response) => response.end())}/`,
      /ERR_SSL|EPROTO/,
    ],
    [
      'a forbidden address',
      async () => 'https://169.254.169.254/',
      /the address 169\.254\.169\.254 is not allowed/,
    ],
    ['404', answering((_request, response) => response.writeHead(404).end()), /answered 404/],
    ['500', answering((_request, response) => response.writeHead(500).end()), /answered 500/],
    ['204', answering((_request, response) => response.writeHead(204).end()), /answered 204/],
    [
      'a redirect to what is not allowed',
      answering((_request, response) => response.writeHead(302, { location: 'ftp://x/' }).end()),
      /may not be fetched from ftp/,
    ],
    [
      'redirects without end',
      answering((_request, response) => response.writeHead(302, { location: '/' }).end()),
      /redirected more than 5 times/,
    ],
    [
      'half an answer',
      answering((request, response) => {
        response.writeHead(200, { 'content-length': 1_000 })
        response.write('x', () => request.socket.destroy())
      }),
      /ECONNRESET/,
    ],
  ]

test('all that goes wrong before a bundle is there looks the same to clients; the log has the reason', async (t) => {
  const outcomes = new Map<string, Outcome>()
  for (const [what, url, reason] of FAULTS) {
    const options: InstallOptions = { url: await url(t), allowed: LOOPBACK }
    const outcome = await installHere(t, ARCHIVE, options)
    assert.match(outcome.log.text, reason, what)
    outcomes.set(what, outcome)
  }
  for (const [what, { failure, reports }] of outcomes) {
    assert.deepEqual(
      failure,
      {
        code: 'BUNDLE_FETCH_FAILED',
        message: 'The bundle could not be downloaded.',
        hint: "Check its address. The reason stands in the log of the session's runner.",
      },
      what,
    )
    // As often tried as any other, so that time does not tell either.
    const attempts = reports.filter(({ phase, progress }) => phase === 'fetching' && progress === undefined)
    assert.equal(attempts.length, 3, what)
  }
})

test('a host that is silent is given up as one that is not there', async (t) => {
  const host = await serveTcp(t, () => {})
  const file = openSync(join(temporaryFolder(t), 'bundle'), 'wx')
  const options = {
    file,
    world: PLAIN_WORLD,
    signal: new AbortController().signal,
    progress: () => {},
    silentMs: 200,
  }
  const silent = download(`http://${host}/`, { ...options, rules: new HostRules(LOOPBACK) })
  await assert.rejects(
    silent,
    (error) => error instanceof NetworkFault && /silent for 200 ms/.test(error.reason),
  )
})

test('a host that falls silent in the middle is given up too', async (t) => {
  const host = await serve(t, (_request, response) => void response.write('x'))
  const file = openSync(join(temporaryFolder(t), 'bundle'), 'wx')
  const options = {
    file,
    world: PLAIN_WORLD,
    signal: new AbortController().signal,
    progress: () => {},
    silentMs: 200,
  }
  const silent = download(`http://${host}/`, { ...options, rules: new HostRules(LOOPBACK) })
  await assert.rejects(silent, NetworkFault)
})

test('the digest of what a host that is not public sent is not told', async (t) => {
  const { said } = await installHere(t, ARCHIVE, { digest: '0'.repeat(64) })
  assert.equal(said, `BUNDLE_DIGEST_MISMATCH: The bundle's SHA-256 is not ${'0'.repeat(64)}.`)
})

test('the log names hosts, and neither paths nor queries, which may hold a secret', async (t) => {
  const url = `http://${await closedPort()}/path-secret?token=query-secret`
  const { log } = await installHere(t, ARCHIVE, { url, allowed: LOOPBACK })
  assert.match(log.text, /127\.0\.0\.1/)
  assert.doesNotMatch(log.text, /secret/)
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { suite, test, type TestContext } from 'node:test'
import { Cliscale, defaultReconnectPolicy } from '@cliscale/sdk'
import { CLISCALE_SUBPROTOCOL, decodeServerMessage, encodeClientMessage } from '@cliscale/sdk/protocol'
import { WebSocket } from 'ws'
import { backwards } from '../support/backwards.ts'
import { type CuttingProxy, cuttingProxy } from '../support/cutting-proxy.ts'
import { proxyFolder, type ProxyKind, startProxy } from '../support/reverse-proxy.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

const SCRIPT = 'stty -echo; echo ready; while read line; do echo "<$line>"; [ "$line" = bye ] && exit 3; done'

/** The next ping comes at the earliest when the answer to the last one was due: each four seconds. */
const PINGS = ['--ping-interval-seconds=1', '--pong-timeout-seconds=4']

interface Setting {
  /** Past the proxy. */
  readonly direct: Cliscale
  readonly network: CuttingProxy
  readonly publicUrl: string
  readonly cliscale: Cliscale
}

interface Wanted {
  readonly flags?: readonly string[]
  readonly timeoutSeconds?: number
  readonly prefix?: string
}

/** Client → network that can be cut → proxy with the page's recipe → shipped server. */
async function behind(t: TestContext, kind: ProxyKind, wanted: Wanted = {}): Promise<Setting> {
  const cleanup = backwards(t)
  const place = proxyFolder(cleanup)
  const network = await cuttingProxy(cleanup, { path: place.socket })
  const publicUrl = network.url + (wanted.prefix ?? '/').replace(/\/$/, '')
  const flags = [`--public-url=${publicUrl}`, '--insecure-http', ...(wanted.flags ?? [])]
  const server = await spawnServer(cleanup, { flags })
  const { port } = new URL(server.baseUrl)
  const put: [string, string][] = [['127.0.0.1:7680', `127.0.0.1:${port}`]]
  if (kind === 'haproxy') put.push(['check port 7690', `check port ${new URL(server.internalUrl).port}`])
  await startProxy(cleanup, kind, { ...place, ...wanted, put })
  const { apiKey } = server
  const direct = new Cliscale({ baseUrl: server.baseUrl, apiKey })
  return { direct, network, publicUrl, cliscale: new Cliscale({ baseUrl: publicUrl, apiKey }) }
}

/** Opens a session, types, is cut, types again, reads to the end. */
async function useTerminal(t: TestContext, { cliscale, network, publicUrl }: Setting): Promise<void> {
  const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', SCRIPT] })
  // Server-sent events: a proxy that buffers them does not tell in time.
  await session.waitUntil('running', { timeoutMs: 30_000 })
  const { url } = await session.createToken()
  assert.equal(url, `${publicUrl.replace('http', 'ws')}/v1/sessions/${session.id}/terminal`)
  const terminal = session.connect({ reconnect: defaultReconnectPolicy({ baseMs: 20 }) })
  t.after(() => terminal.close())
  const modes: string[] = []
  let output = ''
  terminal.on('ready', ({ mode }) => modes.push(mode))
  terminal.on('data', (bytes) => (output += Buffer.from(bytes).toString()))
  await waitFor(() => output.includes('ready'), { what: 'the program', withinMs: 30_000 })
  await terminal.write('one\n')
  await waitFor(() => output.includes('<one>'), { what: 'the answer', withinMs: 30_000 })
  network.cut()
  await terminal.write('two\n')
  await waitFor(() => output.includes('<two>'), { what: 'the answer after the cut', withinMs: 30_000 })
  await terminal.write('bye\n')
  assert.equal((await terminal.exited).code, 3)
  assert.equal(output, 'ready\r\n<one>\r\n<two>\r\n<bye>\r\n')
  assert.deepEqual(modes, ['fresh', 'delta'])
}

interface SilentTerminal {
  readonly socket: WebSocket
  readonly output: () => string
  /** The code of its close. */
  readonly closed: Promise<number>
}

/** A terminal that says hello and then nothing, not even a heartbeat of its own; it answers pings. Its session runs before. */
async function silentTerminal(t: TestContext, { direct }: Setting): Promise<SilentTerminal> {
  const session = await direct.sessions.create({ command: 'sh', args: ['-c', SCRIPT] })
  await session.waitUntil('running', { timeoutMs: 30_000 })
  const { url, token } = await session.createToken()
  const socket = new WebSocket(url, [CLISCALE_SUBPROTOCOL], { headers: { authorization: `Bearer ${token}` } })
  t.after(() => socket.terminate())
  const closed = once(socket, 'close').then(([code]) => code as number)
  let output = ''
  socket.on('message', (data: Buffer) => {
    const message = decodeServerMessage(new Uint8Array(data))
    if (message.type === 'output') output += Buffer.from(message.data).toString()
  })
  await once(socket, 'open')
  socket.send(encodeClientMessage({ type: 'hello', v: 1, client: 'silent', columns: 80, rows: 24, input: 0 }))
  await waitFor(() => output.includes('ready'), { what: 'the program', withinMs: 30_000 })
  return { socket, output: () => output, closed }
}

for (const kind of ['nginx', 'haproxy'] as const) {
  suite(`behind ${kind}, set up as PROXIES.md says`, () => {
    test('a session is opened, typed into, cut and resumed', async (t) => {
      await useTerminal(t, await behind(t, kind))
    })

    test('a terminal that is idle for longer than the timeout of the proxy stays', async (t) => {
      const timeoutSeconds = 10
      const setting = await behind(t, kind, { timeoutSeconds, flags: PINGS })
      const { socket, output } = await silentTerminal(t, setting)
      const until = performance.now() + timeoutSeconds * 1_250
      await waitFor(() => performance.now() > until || socket.readyState !== WebSocket.OPEN, {
        what: 'more than the timeout',
        withinMs: 60_000,
      })
      assert.equal(socket.readyState, WebSocket.OPEN)
      socket.send(encodeClientMessage({ type: 'input', data: Buffer.from('still\n') }))
      await waitFor(() => output().includes('<still>'), { what: 'the answer', withinMs: 30_000 })
      // The health checks that the recipe has let the proxy go on sending here.
      await setting.cliscale.templates.list()
    })

    test('without pings the same proxy cuts it: what bridges the silence are they', async (t) => {
      const setting = await behind(t, kind, { timeoutSeconds: 4, flags: ['--ping-interval-seconds=3600'] })
      const { closed } = await silentTerminal(t, setting)
      assert.equal(await closed, 1006)
    })
  })
}

test('below a prefix of nginx, as PROXIES.md says, API and terminals work', async (t) => {
  await useTerminal(t, await behind(t, 'nginx', { prefix: '/shells/' }))
})

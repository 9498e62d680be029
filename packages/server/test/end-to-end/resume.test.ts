import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { suite, test, type TestContext } from 'node:test'
import { Cliscale, defaultReconnectPolicy, type Terminal } from '@cliscale/sdk'
import { cuttingProxy } from '../support/cutting-proxy.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { inFull } from '../support/in-full.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { seededRandom } from '../support/random.ts'
import { waitFor } from '../support/wait-for.ts'

const random = seededRandom()

/** Of eight bytes: 50 MB or 20. */
const LINES = inFull(6_553_600, 2_621_440)
const BYTES = LINES * 8

/** Writes {@link LINES} numbered lines of eight bytes once it got a key, unchanged by the terminal. */
const SCRIPT = `stty raw -echo; echo ready; head -c 1 > /dev/null; seq -f %07.0f 1 ${LINES}`

function expectedDigest(): string {
  const hash = createHash('sha256')
  for (let from = 1; from <= LINES; from += 10_000) {
    const to = Math.min(from + 9_999, LINES)
    let block = ''
    for (let line = from; line <= to; line += 1) block += `${String(line).padStart(7, '0')}\n`
    hash.update(block)
  }
  return hash.digest('hex')
}

interface Stream {
  readonly terminal: Terminal
  readonly modes: string[]
  readonly digest: () => string
  readonly bytes: () => number
}

/** Starts the numbered stream in a session with every default, and takes its digest. */
async function numberedStream(t: TestContext, cliscale: Cliscale): Promise<Stream> {
  const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', SCRIPT] })
  const terminal = session.connect({ reconnect: defaultReconnectPolicy({ baseMs: 50, capMs: 250 }) })
  t.after(() => terminal.close())
  const modes: string[] = []
  terminal.on('ready', ({ mode }) => modes.push(mode))
  const hash = createHash('sha256')
  let greeting = ''
  let bytes = 0
  terminal.setSink((data) => {
    if (!greeting.endsWith('ready\n')) {
      greeting += Buffer.from(data).toString()
      return
    }
    bytes += data.length
    hash.update(data)
  })
  await waitFor(() => greeting === 'ready\n', { what: 'the program', withinMs: 20_000 })
  await terminal.write('x')
  return { terminal, modes, digest: () => hash.digest('hex'), bytes: () => bytes }
}

suite('through server, gateway and SDK', () => {
  test('megabytes arrive byte for byte although the network is cut at random, about every second', async (t) => {
    const server = await spawnServer(t)
    const network = await cuttingProxy(t, server.baseUrl)
    const stream = await numberedStream(t, new Cliscale({ baseUrl: network.url, apiKey: server.apiKey }))
    let timer: NodeJS.Timeout
    const cutLater = (): void => {
      timer = setTimeout(
        () => {
          network.cut()
          cutLater()
        },
        500 + random() * 1_000,
      )
    }
    cutLater()
    t.after(() => clearTimeout(timer))
    const exit = await stream.terminal.exited
    clearTimeout(timer!)
    assert.equal(exit.code, 0)
    assert.equal(stream.bytes(), BYTES)
    assert.equal(stream.digest(), expectedDigest())
    assert.ok(network.cuts > 0)
    assert.deepEqual(new Set(stream.modes.slice(1)), new Set(['delta']))
    t.diagnostic(`${network.cuts} broken connections, ${stream.modes.length} terminals`)
  })

  test('megabytes arrive byte for byte although the server is killed and started again in the middle', async (t) => {
    const dataDir = await dataFolder()
    t.after(() => removeDataFolder(dataDir))
    const before = await spawnServer(t, { dataDir })
    const { port } = new URL(before.baseUrl)
    const cliscale = new Cliscale({ baseUrl: before.baseUrl, apiKey: before.apiKey })
    const stream = await numberedStream(t, cliscale)
    await waitFor(() => stream.bytes() > BYTES / 5, { what: 'a part of the stream', withinMs: 60_000 })
    await before.stop('SIGKILL')
    await spawnServer(t, { dataDir, apiKey: before.apiKey, flags: [`--port=${port}`] })
    const exit = await stream.terminal.exited
    assert.equal(exit.code, 0)
    assert.equal(stream.bytes(), BYTES)
    assert.equal(stream.digest(), expectedDigest())
    assert.deepEqual(stream.modes, ['fresh', 'delta'])
  })
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { type Role, TTY_SUBPROTOCOL } from '@cliscale/sdk/protocol'
import { WebSocket } from 'ws'
import { waitFor } from '../support/wait-for.ts'
import { stage } from './support/stage.ts'
import { startTtyd, type Ttyd } from './support/ttyd.ts'

/** A client as ttyd's own page is one: a hello in JSON, then an opcode and bytes in each message. */
class StockClient {
  readonly socket: WebSocket
  /** First bytes of the messages that came. */
  opcodes = ''
  readonly controls: string[] = []
  bytes = 0
  /** The end of the output as text. */
  tail = ''
  closed = false
  readonly hash = createHash('sha256')

  constructor(t: TestContext, url: string, token: string) {
    this.socket = new WebSocket(url, [TTY_SUBPROTOCOL, `cliscale.bearer.${token}`])
    this.socket.on('message', (data: Buffer) => this.#take(data))
    this.socket.on('close', () => {
      this.closed = true
    })
    this.socket.on('error', () => undefined)
    t.after(() => this.socket.terminate())
  }

  async hello(columns = 80, rows = 24): Promise<void> {
    await waitFor(() => this.socket.readyState === WebSocket.OPEN, { what: 'the socket to open' })
    this.send(JSON.stringify({ AuthToken: '', columns, rows }))
  }

  send(text: string): void {
    this.socket.send(Buffer.from(text))
  }

  async shows(text: string | RegExp): Promise<void> {
    await waitFor(() => (typeof text === 'string' ? this.tail.includes(text) : text.test(this.tail)), {
      what: `the output ${String(text)}`,
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; there is ${JSON.stringify(this.tail.slice(-300))}`)
    })
  }

  #take(data: Buffer): void {
    const opcode = String.fromCharCode(data[0] ?? 0)
    this.opcodes += opcode
    const body = data.subarray(1)
    if (opcode !== '0') {
      this.controls.push(`${opcode}${body.toString()}`)
      return
    }
    this.bytes += body.length
    this.hash.update(body)
    this.tail = (this.tail + body.toString('latin1')).slice(-4_096)
  }
}

interface Bridge {
  readonly ttyd: Ttyd
  readonly connect: (role?: Role) => Promise<StockClient>
}

/** A gateway with stock ttyd as the session's runner. ttyd starts the script anew for each connection. */
async function bridge(t: TestContext, script: string): Promise<Bridge> {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start()
  const ttyd = await startTtyd(t, folder, script)
  const sessionId = await session()
  await assign(sessionId, ttyd.address)
  return {
    ttyd,
    connect: async (role) => new StockClient(t, gateway.url(sessionId), await token(sessionId, role)),
  }
}

const SHELL =
  'printf "ready "; while read line; do case $line in size) stty size;; *) echo "got $line";; esac; done'

test('a stock client gets ttyd’s title, preferences and output through the gateway, and types', async (t) => {
  const { connect } = await bridge(t, SHELL)
  const client = await connect()
  await client.hello(91, 33)
  await client.shows('ready')
  assert.match(client.opcodes, /^120/)
  assert.match(client.controls[0] ?? '', /^1sh -c/)
  assert.match(client.controls[1] ?? '', /^2\{/)
  client.send('0one\r')
  await client.shows('got one')
  client.send('0size\r')
  await client.shows('33 91')
})

test('a resize reaches ttyd’s program, over a connection without the compression that both would do', async (t) => {
  const { connect } = await bridge(t, SHELL)
  const client = await connect()
  await client.hello()
  await client.shows('ready')
  client.send('1{"columns":132,"rows":43}')
  client.send('0size\r')
  await client.shows('43 132')
  assert.equal(client.socket.extensions, '')
})

test('a viewer of ttyd sees, and neither types nor resizes', async (t) => {
  const { connect, ttyd } = await bridge(t, `printf "ready "; read line; echo "WROTE $line"; sleep 100`)
  const viewer = await connect('observer')
  await viewer.hello()
  await viewer.shows('ready')
  viewer.send('0typed\r')
  viewer.send('1{"columns":11,"rows":11}')
  viewer.send('2')
  viewer.send('3')
  // A driver’s connection works after it: ttyd is there, and had time to get what it should not.
  const driver = await connect()
  await driver.hello()
  await driver.shows('ready')
  driver.send('0x\r')
  await driver.shows('WROTE x')
  assert.equal(viewer.tail.includes('WROTE'), false)
  assert.equal(viewer.tail.includes('typed'), false)
  assert.equal(ttyd.child.exitCode, null)
})

test('an empty message, which ends stock ttyd, does not reach it', async (t) => {
  const { connect, ttyd } = await bridge(t, SHELL)
  const client = await connect()
  await client.hello()
  await client.shows('ready')
  client.socket.send(Buffer.alloc(0))
  client.send('0after\r')
  await client.shows('got after')
  assert.equal(ttyd.child.exitCode, null)
  assert.equal(ttyd.child.signalCode, null)
})

const STREAM_LINES = 200_000
/** 50 bytes a line with the return that the terminal puts in: 10 MB in all. */
const STREAM = `stty -echo; printf "ready "; read go; seq -f '%048.0f' 1 ${STREAM_LINES}; printf "the end"; sleep 100`

function streamDigest(): string {
  const hash = createHash('sha256').update('ready ')
  for (let line = 1; line <= STREAM_LINES; line += 1) hash.update(`${String(line).padStart(48, '0')}\r\n`)
  return hash.update('the end').digest('hex')
}

test(
  'a numbered stream of 10 MB from ttyd arrives whole over PAUSE, RESUME and stalls of the client',
  { timeout: 120_000 },
  async (t) => {
    const { connect } = await bridge(t, STREAM)
    const client = await connect()
    await client.hello()
    await client.shows('ready')
    // The line that was typed is not echoed; its end is.
    client.send('0\r')
    let stops = 0
    let next = 300_000
    await waitFor(
      async () => {
        if (client.bytes > next && !client.tail.endsWith('the end')) {
          next += 600_000
          stops += 1
          if (stops % 2 === 0) await stallBySocket(client)
          else await stallByPause(client)
        }
        return client.tail.endsWith('the end')
      },
      { what: 'the end of the stream', withinMs: 100_000 },
    )
    assert.equal(client.hash.digest('hex'), streamDigest())
    // A PAUSE that is not obeyed is still only at the end: there is no second stop then.
    assert.ok(stops >= 2, `${stops} stops`)
  },
)

/**
 * What ttyd’s page does when its terminal cannot follow. Stock ttyd drops what is in flight at a RESUME that it gets. What
 * is on its way at a PAUSE still comes: up to some MB where the machine is slow, which may be all that was left.
 */
async function stallByPause(client: StockClient): Promise<void> {
  client.send('2')
  await stillness(client)
  client.send('3')
}

/** A client that reads nothing for a while. */
async function stallBySocket(client: StockClient): Promise<void> {
  client.socket.pause()
  await stillness(client)
  client.socket.resume()
}

/** Waits until nothing came in twenty looks. */
async function stillness(client: StockClient): Promise<void> {
  let seen = -1
  let looks = 0
  await waitFor(
    () => {
      looks = seen === client.bytes ? looks + 1 : 0
      seen = client.bytes
      return looks === 20
    },
    { what: 'the output to stop' },
  )
}

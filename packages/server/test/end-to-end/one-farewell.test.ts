import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import type { TerminalSubprotocol } from '@cliscale/sdk/protocol'
import { farewells, type RawClient, rawClient, type ReceivedFrame } from '../gateway/support/raw-client.ts'
import { startTestServer } from '../support/server.ts'

const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9 } as const
const HELLO = '{"v":1,"columns":80,"rows":24}'
const NOT_UTF8 = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])

/** What a client does, and the close that it is owed. */
interface Fault {
  readonly does: (client: RawClient) => void
  readonly close: readonly [code: number, reason: string]
}

const MALFORMED = [4400, 'MALFORMED_FRAME'] as const
const TOO_LARGE = [1009, 'FRAME_TOO_LARGE'] as const

/** Faults that the gateway finds, those that the runner's WebSocket finds, and those that the terminal finds. */
const FAULTS: Readonly<Record<string, Fault>> = {
  'reserved bits': { does: (client) => client.send(OPCODE.binary, '0x', { rsv: 4 }), close: MALFORMED },
  'a reserved opcode': { does: (client) => client.send(5, 'x'), close: MALFORMED },
  'no mask': { does: ({ socket }) => socket.write(Buffer.from([0x82, 1, 0x30])), close: MALFORMED },
  'a fragment of nothing': { does: (client) => client.send(OPCODE.continuation, 'x'), close: MALFORMED },
  'a message too large': {
    does: (client) => client.send(OPCODE.binary, '0'.repeat(65_537)),
    close: TOO_LARGE,
  },
  'a close with a code that may not be sent': {
    does: (client) => client.send(OPCODE.close, Buffer.from([0x03, 0xed])),
    close: MALFORMED,
  },
  'a close with half a code': { does: (client) => client.send(OPCODE.close, 'x'), close: MALFORMED },
  'a close whose reason is not UTF-8': {
    does: (client) => client.send(OPCODE.close, Buffer.from([0x03, 0xe8, 0xff, 0xfe])),
    close: MALFORMED,
  },
  'text that is not UTF-8': { does: (client) => client.send(OPCODE.text, NOT_UTF8), close: MALFORMED },
  'fragments without end': {
    does: (client) => {
      client.send(OPCODE.binary, '0', { fin: false })
      for (let n = 0; n < 20_000; n += 1) client.send(OPCODE.continuation, '', { fin: false })
    },
    close: TOO_LARGE,
  },
  'a message of no type': { does: (client) => client.send(OPCODE.binary, '~'), close: MALFORMED },
  'one fault after the other': {
    does: (client) => {
      client.send(OPCODE.binary, '~')
      client.send(OPCODE.text, NOT_UTF8)
      client.send(OPCODE.close, 'x')
      client.send(OPCODE.binary, '0x', { rsv: 4 })
    },
    close: MALFORMED,
  },
}

/** Asserts that the last frames are one word of why, where the subprotocol has one, and one close. */
function assertFarewell(
  frames: readonly ReceivedFrame[],
  expected: {
    type: 'E' | 'X'
    close: readonly [number, string]
    protocol: TerminalSubprotocol
    what: string
  },
): void {
  const { type, close, protocol, what } = expected
  assert.deepEqual(farewells(frames), [...(protocol === 'tty' ? [] : [type]), close.join(' ')], what)
  assert.equal(frames.at(-1)?.opcode, OPCODE.close, `${what}: something came after the close`)
  const error = frames.find(({ opcode, payload }) => opcode === OPCODE.binary && payload[0] === 0x45)
  if (error === undefined) return
  assert.equal((JSON.parse(error.payload.toString('utf8', 1)) as { code: string }).code, close[1], what)
}

async function session(
  t: TestContext,
  run: readonly [string, ...string[]],
): Promise<{ open: (protocol: TerminalSubprotocol) => Promise<RawClient>; kill: () => Promise<unknown> }> {
  const { baseUrl, apiKey } = await startTestServer(t)
  const [command, ...args] = run
  const made = await new Cliscale({ baseUrl, apiKey }).sessions.create({ command, args })
  await made.waitUntil('running')
  const open = async (protocol: TerminalSubprotocol): Promise<RawClient> => {
    const { url, token } = await made.createToken()
    const client = await rawClient(t, url, { token, protocol })
    client.send(OPCODE.binary, HELLO)
    await client.got(protocol === 'tty' ? '1' : 'Z')
    return client
  }
  return { open, kill: () => made.kill() }
}

test('whatever a client does wrong, whoever finds it: one error, one close, nothing after it, and the reason is one word', async (t) => {
  const { open } = await session(t, ['cat'])
  for (const protocol of ['cliscale.v1', 'tty'] as const) {
    for (const [name, { does, close }] of Object.entries(FAULTS)) {
      const what = `${name} on ${protocol}`
      const client = await open(protocol)
      does(client)
      assertFarewell(await client.end(), { type: 'E', close, protocol, what })
    }
  }
})

test('a session that ends says so once, and its reason is the word of the exit', async (t) => {
  const { open, kill } = await session(t, ['cat'])
  const clients = await Promise.all((['cliscale.v1', 'tty'] as const).map((protocol) => open(protocol)))
  await kill()
  for (const [i, client] of clients.entries()) {
    const protocol = i === 0 ? 'cliscale.v1' : 'tty'
    assertFarewell(await client.end(), { type: 'X', close: [1000, 'killed'], protocol, what: protocol })
  }
})

test('who says goodbye is answered by one close and no error', async (t) => {
  const { open } = await session(t, ['cat'])
  const client = await open('cliscale.v1')
  client.send(OPCODE.close, Buffer.from([0x03, 0xe8]))
  const frames = await client.end()
  assert.deepEqual(farewells(frames), ['1000 '])
  assert.equal(frames.at(-1)?.opcode, OPCODE.close)
})

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { Role, TerminalSubprotocol } from '@cliscale/sdk/protocol'
import * as fc from 'fast-check'
import { ClientFilter } from '../../src/gateway/client-filter.ts'
import { Link } from '../../src/gateway/link.ts'
import { GatewayStats } from '../../src/gateway/stats.ts'
import { cut, rawFrame, type RawFrame } from './support/raw-frames.ts'

/** Runs chunks through a filter and returns what it let through and what it said. */
function filter(chunks: readonly Buffer[], role: Role, subprotocol: TerminalSubprotocol) {
  const passed: Buffer[] = []
  const said: string[] = []
  const stats = new GatewayStats()
  const sink = {
    toRunner: (_link: Link, bytes: Buffer) => void passed.push(Buffer.from(bytes)),
    refuse: (_link: Link, code: string) => void said.push(code),
    pong: () => void said.push('pong'),
    flow: (_link: Link, paused: boolean) => void said.push(paused ? 'pause' : 'resume'),
  }
  // The filter only ever hands the link on; its socket is not touched.
  const client = null as unknown as Socket
  const link = new Link({ client, sessionId: 's', requestId: 'r', role, subprotocol, accessId: null })
  const under = new ClientFilter(sink, stats)
  for (const chunk of chunks) {
    under.pass(link, chunk)
    if (said.includes('MALFORMED_FRAME') || said.includes('ROLE_REFUSED')) break
  }
  return { passed: Buffer.concat(passed), said, stats, link }
}

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 })
const opcode = fc.constantFrom('0', '1', '2', '3', 'A', 'H', '{', '')

/** Messages, some empty, some fragmented, some pongs of the gateway's own. */
const frames = fc
  .array(fc.tuple(opcode, fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 0, 2, 3), mask), {
    maxLength: 8,
  })
  .map((messages) =>
    messages.flatMap(([type, size, fragments, key]): RawFrame[] => {
      if (type === '')
        return [
          { opcode: size % 2 === 0 ? 2 : 10, payload: Buffer.from(size % 2 === 0 ? '' : 'g'), mask: key },
        ]
      const first = {
        opcode: 2,
        fin: fragments === 0,
        payload: Buffer.from(type.padEnd(1 + size, 'x')),
        mask: key,
      }
      const more = Array.from({ length: fragments }, (_, i) => ({
        opcode: 0,
        fin: i === fragments - 1,
        payload: Buffer.alloc(size, i),
        mask: key,
      }))
      return [first, ...more]
    }),
  )

/** What may pass, by a second and slower reading of the rules. */
function allowed(all: readonly RawFrame[], role: Role, subprotocol: TerminalSubprotocol): Buffer {
  let dropping = false
  const kept = all.filter((frame) => {
    if (frame.opcode === 10) return String.fromCharCode(...frame.payload) !== 'g'
    if (frame.opcode === 0) return !dropping
    const type = String.fromCharCode(frame.payload[0] ?? 0)
    dropping =
      frame.payload.length === 0 ||
      (role === 'observer' && '01'.includes(type)) ||
      (subprotocol === 'tty' && '23'.includes(type))
    return !dropping
  })
  return Buffer.concat(kept.map((frame) => rawFrame(frame)))
}

test('whatever the chunking, exactly the allowed frames pass, byte for byte', () => {
  const property = fc.property(
    frames,
    fc.array(fc.nat(), { maxLength: 30 }),
    fc.constantFrom<Role>('driver', 'observer'),
    fc.constantFrom<TerminalSubprotocol>('cliscale.v1', 'tty'),
    (all, points, role, subprotocol) => {
      const bytes = Buffer.concat(all.map((frame) => rawFrame(frame)))
      const { passed } = filter(cut(bytes, points), role, subprotocol)
      assert.deepEqual(passed, allowed(all, role, subprotocol))
    },
  )
  fc.assert(property, { numRuns: 2_000 })
})

const KEY = Buffer.from([9, 8, 7, 6])

function message(text: string, fin = true): Buffer {
  return rawFrame({ opcode: 2, fin, payload: Buffer.from(text), mask: KEY })
}

test('a chunk of allowed frames is handed on as it is, not copied', () => {
  const chunk = Buffer.concat([message('0a'), message('0b')])
  let same = false
  const sink = {
    toRunner: (_link: Link, bytes: Buffer) => {
      same = bytes === chunk
    },
    refuse: () => undefined,
    pong: () => undefined,
    flow: () => undefined,
  }
  const client = null as unknown as Socket
  const link = new Link({
    client,
    accessId: null,
    sessionId: 's',
    requestId: 'r',
    role: 'driver',
    subprotocol: 'cliscale.v1',
  })
  new ClientFilter(sink, new GatewayStats()).pass(link, chunk)
  assert.equal(same, true)
})

test('an observer cannot type, resize or drive; what is dropped is counted', () => {
  const bytes = Buffer.concat([message('{"columns":1}'), message('0rm -rf'), message('1{}'), message('A12')])
  const { passed, stats } = filter([bytes], 'observer', 'cliscale.v1')
  assert.deepEqual(passed, Buffer.concat([message('{"columns":1}'), message('A12')]))
  assert.equal(stats.dropped.viewer_input, 2)
  assert.deepEqual(filter([message('D')], 'observer', 'cliscale.v1').said, ['ROLE_REFUSED'])
  assert.deepEqual(filter([message('D')], 'driver', 'cliscale.v1').said, [])
})

test('an observer cannot type in fragments either', () => {
  const rest = rawFrame({ opcode: 0, payload: Buffer.from('type this'), mask: KEY })
  const { passed } = filter(
    [Buffer.concat([message('0', false), rest, message('A1')])],
    'observer',
    'cliscale.v1',
  )
  assert.deepEqual(passed, message('A1'))
})

test('a message whose first fragment is empty is refused, for its type would come unseen', () => {
  const rest = rawFrame({ opcode: 0, payload: Buffer.from('0x'), mask: KEY })
  assert.deepEqual(filter([message('', false), rest], 'observer', 'cliscale.v1').said, ['MALFORMED_FRAME'])
})

test('empty messages are dropped', () => {
  const { passed, stats } = filter(
    [Buffer.concat([message(''), message('0x'), message('')])],
    'driver',
    'tty',
  )
  assert.deepEqual(passed, message('0x'))
  assert.equal(stats.dropped.empty, 2)
})

test('PAUSE and RESUME of a tty client are obeyed and not passed on; cliscale.v1 has none', () => {
  const bytes = Buffer.concat([message('2'), message('0x'), message('3')])
  const tty = filter([bytes], 'driver', 'tty')
  assert.deepEqual(tty.said, ['pause', 'resume'])
  assert.deepEqual(tty.passed, message('0x'))
  assert.deepEqual(filter([bytes], 'driver', 'cliscale.v1').passed, bytes)
})

test('what comes before a fault still passes', () => {
  const { passed, said } = filter(
    [Buffer.concat([message('0ok'), Buffer.from([0xf2, 0x80, 0, 0, 0, 0]), Buffer.alloc(20)])],
    'driver',
    'tty',
  )
  assert.deepEqual(passed, message('0ok'))
  assert.deepEqual(said, ['MALFORMED_FRAME'])
})

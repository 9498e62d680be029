import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadBuffers } from '../../src/gateway/read-buffers.ts'

interface State {
  readonly pending: boolean
  readonly stopped: boolean
}

const DONE: State = { pending: false, stopped: false }

/** A socket as Node treats its buffer: it asks for one when it is made and again after each read. */
class Reader {
  buffer: Buffer
  private readonly buffers: ReadBuffers

  constructor(buffers: ReadBuffers) {
    this.buffers = buffers
    this.buffer = buffers.choose()
  }

  read(byte: number, length: number, state: State = DONE): Buffer {
    const into = this.buffer
    into.fill(byte, 0, length)
    const taken = this.buffers.take(into, length)
    this.buffers.passed(into, length, state)
    this.buffer = this.buffers.choose()
    return taken
  }
}

function holds(taken: Buffer, byte: number): boolean {
  return taken.every((one) => one === byte)
}

test('small reads are copies: the shared buffer may be written again while they wait in a socket', () => {
  const reader = new Reader(new ReadBuffers())
  const kept = Array.from({ length: 200 }, (_, i) => reader.read(i, 1_000, { pending: true, stopped: true }))
  for (const [i, taken] of kept.entries()) assert.ok(taken.length === 1_000 && holds(taken, i))
})

test('a flooded socket reads into a buffer of its own, without copying, until the flood is over', () => {
  const reader = new Reader(new ReadBuffers())
  const shared = reader.buffer
  const first = reader.read(1, 65_536)
  const own = reader.buffer
  assert.notEqual(own, shared)
  assert.equal(reader.read(2, 65_536), own)
  assert.ok(holds(first, 1))
  assert.equal(reader.buffer, own)
  reader.read(3, 10)
  assert.equal(reader.buffer, shared)
})

test('an own buffer that a socket still holds is not read into again, unless reading stops until it is free', () => {
  const reader = new Reader(new ReadBuffers())
  reader.read(1, 65_536)
  const held = reader.read(2, 65_536, { pending: true, stopped: false })
  assert.notEqual(reader.buffer, held)
  const after = reader.read(3, 65_536, { pending: true, stopped: true })
  assert.ok(holds(held, 2))
  assert.equal(reader.buffer, after)
})

test('flooded sockets never share, not with each other and not with new ones', () => {
  const buffers = new ReadBuffers()
  const readers: Reader[] = []
  for (let i = 0; i < 20; i += 1) {
    const reader = new Reader(buffers)
    reader.read(i, 65_536)
    readers.push(reader)
  }
  const taken = readers.map((reader, i) => reader.read(i, 65_536, { pending: true, stopped: true }))
  new Reader(buffers).read(99, 65_536)
  for (const [i, one] of taken.entries()) assert.ok(holds(one, i), `socket ${i}`)
  assert.equal(new Set(readers.map(({ buffer }) => buffer)).size, 20)
})

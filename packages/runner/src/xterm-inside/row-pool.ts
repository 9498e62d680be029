import type { Terminal } from '@xterm/headless'

import { type Core, coreOf, type Row } from './core.ts'
import { BLOCK_BYTES } from './limits.ts'

const BYTES_PER_CELL = 12

/** The pool of the emulator that makes rows right now. */
let current: RowPool | undefined

/** All blocks of all pools, to know a row's cells that lie in one. */
const blocks = new WeakSet<ArrayBufferLike>()

/** Prototypes of rows that know of pools. */
const pooled = new WeakSet<Row>()

/**
 * Memory for the rows of a scrollback, in few large blocks. The emulator by itself takes a row's cells (2.4 KB at 200
 * columns) from the C heap. When a thousand such rows are free again, some small thing that came later lies above them,
 * the heap cannot shrink, and a process that has been busy once keeps 4 MB for nothing.
 *
 * One row keeps its whole block in memory, so a pool has room for one full scrollback and no more; further rows are on
 * their own. A full scrollback uses the memory of its oldest row for the newest and needs none.
 */
export class RowPool {
  readonly #core: Core
  #buffer: Core['buffers']['normal']
  #block: ArrayBuffer = new ArrayBuffer(0)
  #used = 0
  #left: number

  /** From now on rows that scroll into this terminal's normal screen come from the pool. */
  constructor(terminal: Terminal) {
    const core = coreOf(terminal)
    this.#core = core
    this.#buffer = core.buffers.normal
    this.#left = this.#room(core._bufferService.cols)
    const first = this.#buffer.lines.get(0)
    if (first !== undefined) poolRows(Object.getPrototypeOf(first) as Row)
    const service = core._bufferService
    const scroll = service.scroll.bind(service)
    service.scroll = (attributes, wrapped) => {
      const { active, normal } = core.buffers
      if (active !== normal) return scroll(attributes, wrapped)
      if (normal !== this.#buffer) this.#renew(normal)
      within(this, () => scroll(attributes, wrapped))
    }
  }

  /** Does `work`, which makes rows of so many columns. Rows that become wider move, so that there is room for all anew. */
  resizing(columns: number, work: () => void): void {
    if (columns > this.#core._bufferService.cols) this.#left = this.#room(columns)
    within(this, work)
  }

  /** Cells' memory of so many bytes, or none when the pool is used up. */
  take(bytes: number): Uint32Array | undefined {
    if (bytes > this.#left || bytes > BLOCK_BYTES) return undefined
    this.#left -= bytes
    if (this.#used + bytes > this.#block.byteLength) this.#add()
    const taken = new Uint32Array(this.#block, this.#used, bytes / Uint32Array.BYTES_PER_ELEMENT)
    this.#used += bytes
    return taken
  }

  /** A reset has thrown all rows away. */
  #renew(buffer: Core['buffers']['normal']): void {
    this.#buffer = buffer
    this.#left = this.#room(this.#core._bufferService.cols)
  }

  #add(): void {
    this.#block = new ArrayBuffer(BLOCK_BYTES)
    blocks.add(this.#block)
    this.#used = 0
  }

  #room(columns: number): number {
    return this.#core.buffers.normal.lines.maxLength * columns * BYTES_PER_CELL
  }
}

function within(pool: RowPool, work: () => void): void {
  const outer = current
  current = pool
  try {
    work()
  } finally {
    current = outer
  }
}

/** Makes rows take their cells from the current pool, and leave them there. */
function poolRows(prototype: Row): void {
  if (pooled.has(prototype)) return
  pooled.add(prototype)
  const { clone, resize, cleanupMemory } = prototype
  prototype.clone = function (this: Row) {
    const data = current?.take(this._data.byteLength)
    return data === undefined ? clone.call(this) : copy(this, data)
  }
  prototype.resize = function (this: Row, columns, fill) {
    // The emulator would take all of the buffer for the row's own.
    const shared = current !== undefined || blocks.has(this._data.buffer)
    return columns > this.length && shared ? widen(this, columns, fill) : resize.call(this, columns, fill)
  }
  prototype.cleanupMemory = function (this: Row) {
    return blocks.has(this._data.buffer) ? 0 : cleanupMemory.call(this)
  }
}

function copy(row: Row, data: Uint32Array): Row {
  const made = new (row.constructor as new (columns: number) => Row)(0)
  data.set(row._data)
  made._data = data
  made.length = row.length
  made.isWrapped = row.isWrapped
  Object.assign(made._combined, row._combined)
  Object.assign(made._extendedAttrs, row._extendedAttrs)
  return made
}

/** Returns false: no memory is to be gained from the row. */
function widen(row: Row, columns: number, fill: unknown): boolean {
  const bytes = columns * BYTES_PER_CELL
  const data = current?.take(bytes) ?? new Uint32Array(bytes / Uint32Array.BYTES_PER_ELEMENT)
  data.set(row._data)
  row._data = data
  for (let x = row.length; x < columns; x += 1) row.setCell(x, fill)
  row.length = columns
  return false
}

import assert from 'node:assert/strict'
import { test } from 'node:test'

import headless from '@xterm/headless'
import fc from 'fast-check'

import { type Core, coreOf } from '../src/xterm-inside/core.ts'
import { RowPool } from '../src/xterm-inside/row-pool.ts'

const SCROLLBACK = 200
const BLOCK_BYTES = 262_144

type Terminal = InstanceType<typeof headless.Terminal>

interface Pooled {
  readonly terminal: Terminal
  readonly core: Core
  readonly pool: RowPool
}

function plain(): Terminal {
  return new headless.Terminal({ cols: 80, rows: 24, scrollback: SCROLLBACK, allowProposedApi: true })
}

function pooled(): Pooled {
  const terminal = plain()
  return { terminal, core: coreOf(terminal), pool: new RowPool(terminal) }
}

async function write(terminal: Terminal, text: string): Promise<void> {
  return new Promise((resolve) => terminal.write(text, resolve))
}

/** Every cell of both buffers with its attributes, and where the cursor is. */
function everything(terminal: Terminal): string[] {
  return [terminal.buffer.normal, terminal.buffer.alternate].flatMap((buffer) => [
    `${buffer.cursorX},${buffer.cursorY},${buffer.baseY}`,
    ...Array.from({ length: buffer.length }, (_, y) => {
      const line = buffer.getLine(y)
      const cells = Array.from({ length: terminal.cols }, (_, x) => {
        const cell = line?.getCell(x)
        return `${cell?.getChars()}${cell?.getFgColor()}/${cell?.getBgColor()}/${cell?.getWidth()}`
      })
      return `${line?.isWrapped} ${line?.length} ${cells.join(' ')}`
    }),
  ])
}

/** What holds the rows' cells: how many pieces of memory, and their bytes. */
function memory(core: Core): { readonly pieces: number; readonly bytes: number } {
  const { lines } = core.buffers.normal
  const all = Array.from({ length: lines.maxLength }, (_, y) => lines.get(y)?._data.buffer)
  const buffers = new Set(all.filter((buffer) => buffer !== undefined))
  const bytes = [...buffers].reduce((sum, buffer) => sum + buffer.byteLength, 0)
  return { pieces: buffers.size, bytes }
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, i) => `\x1b[3${i % 8}mline ${i} 漢字e\u0301\x1b[0m\r\n`).join('')
}

const text = fc.constantFrom(
  lines(3),
  lines(150),
  'x'.repeat(300),
  '漢'.repeat(130),
  '\x1b[44m\r\n\n\n\x1b[0m',
  '\x1b[4:3;58;5;9mcurly\x1b[0m\r\n',
  '\x1b[5;12r\x1b[12H\n\n\nmid\x1b[r',
  '\x1b[1;12r\x1b[12H\n\n\ntop\x1b[r\x1b[24H',
  '\x1b[3J',
  '\x1b[2J\x1b[H',
  '\x1b[?1049halternate\r\n\n\n',
  '\x1b[?1049l',
  '\x1b[3L\x1b[2M\x1b[4S\x1b[2T',
  '\x1bc',
)
const size = fc.record({ columns: fc.integer({ min: 2, max: 160 }), rows: fc.integer({ min: 1, max: 40 }) })

test('an emulator with a pool shows what one without it shows, whatever is written and however it is resized', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(text, text, size), { maxLength: 25 }), async (steps) => {
      const expected = plain()
      const { terminal, pool } = pooled()
      for (const step of steps) {
        if (typeof step === 'string') await Promise.all([write(expected, step), write(terminal, step)])
        else {
          expected.resize(step.columns, step.rows)
          pool.resizing(step.columns, () => terminal.resize(step.columns, step.rows))
        }
      }
      assert.deepEqual(everything(terminal), everything(expected))
      expected.dispose()
      terminal.dispose()
    }),
    { numRuns: 60 },
  )
})

test('a full scrollback lies in few blocks, also after a reset and in another width', async () => {
  const { terminal, core, pool } = pooled()
  await write(terminal, lines(2_000))
  const bytes = (SCROLLBACK + 24) * 80 * 12
  // The rows of the first viewport are there before the pool is.
  const most = Math.ceil(bytes / BLOCK_BYTES) + 24
  assert.ok(memory(core).pieces <= most, JSON.stringify(memory(core)))
  await write(terminal, `\x1bc${lines(2_000)}`)
  assert.ok(memory(core).pieces <= most + 1, JSON.stringify(memory(core)))
  pool.resizing(160, () => terminal.resize(160, 24))
  const wide = memory(core)
  assert.ok(wide.pieces <= Math.ceil((bytes * 2) / BLOCK_BYTES) + 1, JSON.stringify(wide))
  terminal.resize(20, 24)
  for (let y = 0; y < SCROLLBACK; y++) core.buffers.normal.lines.get(y)?.cleanupMemory()
  assert.deepEqual(memory(core), wide)
})

test('rows that outlive their neighbours keep no more than one scrollback in memory', async () => {
  const { terminal, core, pool } = pooled()
  const region = '\x1b[5;12r\x1b[12H' + '\n'.repeat(100) + '\x1b[r\x1b[24H'
  for (let i = 0; i < SCROLLBACK; i++) {
    await write(terminal, `${region}one more\r\n`)
    pool.resizing(80, () => terminal.resize(80, 24 - (i % 2)))
  }
  const own = (SCROLLBACK + 24) * 80 * 12
  assert.ok(memory(core).bytes <= 2 * own + BLOCK_BYTES, JSON.stringify(memory(core)))
})

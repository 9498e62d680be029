import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Terminal } from '@xterm/xterm'
import { quietScrolling } from '../src/xterm-inside/quiet-scrolling.ts'

interface Viewport {
  _sync: (row?: number) => void
  queueSync: (row?: number) => void
  _queuedAnimationFrame: number | undefined
  readonly _scrollableElement: { readonly getScrollPosition: () => { scrollTop: number } }
}

/** The parts of a terminal with 24 rows of 20 pixels that scrolling reaches into, and what reached xterm's own. */
function terminalOf(): {
  readonly terminal: Terminal
  readonly viewport: Viewport
  readonly buffer: { lines: { length: number }; ydisp: number }
  readonly css: { canvas: { height: number }; cell: { height: number } }
  readonly scrolled: { top: number }
  readonly synced: (number | undefined)[]
  readonly queued: (number | undefined)[]
} {
  const synced: (number | undefined)[] = []
  const queued: (number | undefined)[] = []
  const scrolled = { top: 0 }
  const buffer = { lines: { length: 1_024 }, ydisp: 1_000 }
  const css = { canvas: { height: 480 }, cell: { height: 20 } }
  const viewport: Viewport = {
    _sync: (row) => {
      synced.push(row)
      scrolled.top = (row ?? buffer.ydisp) * css.cell.height
    },
    queueSync: (row) => void queued.push(row),
    _queuedAnimationFrame: undefined,
    _scrollableElement: { getScrollPosition: () => ({ scrollTop: scrolled.top }) },
  }
  const core = { _viewport: viewport, _bufferService: { buffer }, _renderService: { dimensions: { css } } }
  const terminal = { _core: core } as unknown as Terminal
  return { terminal, viewport, buffer, css, scrolled, synced, queued }
}

test('lines that scroll out of a full buffer move nothing, and everything that does is followed at once', () => {
  const { terminal, viewport, buffer, css, scrolled, synced } = terminalOf()
  quietScrolling(terminal)
  for (let line = 0; line < 100; line += 1) viewport._sync()
  assert.equal(synced.length, 1)
  const changes = [
    () => (buffer.lines.length += 1),
    () => (buffer.ydisp -= 3),
    () => (css.canvas.height += 20),
    () => (css.cell.height += 1),
    () => (scrolled.top -= 7),
  ]
  for (const [index, change] of changes.entries()) {
    change()
    viewport._sync()
    viewport._sync()
    assert.equal(synced.length, index + 2)
  }
  viewport._sync(1_000)
  assert.deepEqual(synced.at(-1), 1_000, 'a row that is asked for is always shown')
})

test('a frame that is asked for already is not asked for again', () => {
  const { terminal, viewport, queued } = terminalOf()
  quietScrolling(terminal)
  viewport.queueSync()
  viewport._queuedAnimationFrame = 1
  viewport.queueSync()
  assert.deepEqual(queued, [undefined])
  viewport.queueSync(7)
  assert.deepEqual(queued, [undefined, 7])
})

test('an xterm that looks different is left as it is', () => {
  assert.doesNotThrow(() => quietScrolling({} as unknown as Terminal))
  assert.doesNotThrow(() => quietScrolling({ _core: { _viewport: {} } } as unknown as Terminal))
})

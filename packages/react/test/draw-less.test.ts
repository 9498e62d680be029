import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Terminal } from '@xterm/xterm'
import { FLOOD_FRAME_MS, PacedDrawing } from '../src/core/paced-drawing.ts'

type Rows = readonly [start: number | undefined, end: number | undefined, count: number]

/** The parts of a terminal that pacing reaches into, and the frames that were asked of them. */
function terminalOf(rows: number): {
  readonly terminal: Terminal
  readonly frames: Rows[]
  readonly scroll: (lines: number) => void
  readonly refresh: (...range: Rows) => void
} {
  const frames: Rows[] = []
  const listeners = new Set<() => void>()
  const debouncer = { refresh: (...range: Rows) => void frames.push(range) }
  const terminal = {
    rows,
    onScroll: (listener: () => void) => {
      listeners.add(listener)
      return { dispose: () => listeners.delete(listener) }
    },
    _core: { _renderService: { _renderDebouncer: debouncer } },
  }
  return {
    terminal: terminal as unknown as Terminal,
    frames,
    scroll: (lines) => {
      for (let line = 0; line < lines; line += 1) for (const listener of listeners) listener()
    },
    refresh: (...range) => debouncer.refresh(...range),
  }
}

test('what does not scroll by is drawn at every frame', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { terminal, frames, scroll, refresh } = terminalOf(24)
  const drawing = new PacedDrawing(terminal)
  for (let frame = 0; frame < 10; frame += 1) {
    scroll(24)
    refresh(0, 23, 24)
  }
  assert.equal(frames.length, 10)
  drawing.dispose()
})

test('in a flood the frames between are left out, and the last one covers the rows of all of them', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { terminal, frames, scroll, refresh } = terminalOf(24)
  const drawing = new PacedDrawing(terminal)
  refresh(0, 23, 24)
  scroll(25)
  refresh(3, 5, 24)
  refresh(10, 12, 24)
  assert.deepEqual(frames, [[0, 23, 24]])
  t.mock.timers.tick(FLOOD_FRAME_MS)
  assert.deepEqual(frames, [
    [0, 23, 24],
    [3, 12, 24],
  ])
  refresh(7, 7, 24)
  assert.equal(frames.length, 3, 'when the flood is over every frame is drawn again')
  drawing.dispose()
})

test('a terminal that is let go draws as it did before', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { terminal, frames, scroll, refresh } = terminalOf(24)
  const drawing = new PacedDrawing(terminal)
  refresh(0, 23, 24)
  scroll(100)
  refresh(0, 23, 24)
  drawing.dispose()
  t.mock.timers.tick(1_000)
  assert.equal(frames.length, 1)
  refresh(1, 2, 24)
  assert.deepEqual(frames.at(-1), [1, 2, 24])
})

test('an xterm that looks different is left as it is', () => {
  assert.doesNotThrow(() => new PacedDrawing({ rows: 24 } as unknown as Terminal).dispose())
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Terminal } from '@xterm/xterm'
import { FLOOD_FRAME_MS } from '../src/xterm-inside/limits.ts'
import { PacedDrawing } from '../src/xterm-inside/paced-drawing.ts'

type Rows = readonly [start: number | undefined, end: number | undefined, count: number]
type Cell = readonly [column: number, row: number]
type Selection = readonly [start: Cell | undefined, end: Cell | undefined, columnSelectMode: boolean]

const NOTHING: Selection = [undefined, undefined, false]
const SOMETHING: Selection = [[0, 1], [5, 1], false]

/** The parts of a terminal that pacing reaches into, and the frames that were asked of them. */
function terminalOf(rows: number): {
  readonly terminal: Terminal
  readonly frames: Rows[]
  readonly scroll: (lines: number) => void
  readonly refresh: (...range: Rows) => void
  /** Draws of the selection that were asked for at once. */
  readonly selections: Selection[]
  readonly select: (...selection: Selection) => void
  readonly service: { _selectionState: object; _needsSelectionRefresh: boolean }
} {
  const frames: Rows[] = []
  const listeners = new Set<() => void>()
  const debouncer = { refresh: (...range: Rows) => void frames.push(range) }
  const selections: Selection[] = []
  const service = {
    _renderDebouncer: debouncer,
    _selectionState: { start: undefined as Cell | undefined, end: undefined as Cell | undefined },
    _needsSelectionRefresh: false,
    handleSelectionChanged: (...selection: Selection) => {
      const [start, end] = selection
      service._selectionState = { start, end }
      selections.push(selection)
    },
  }
  const terminal = {
    rows,
    onScroll: (listener: () => void) => {
      listeners.add(listener)
      return { dispose: () => listeners.delete(listener) }
    },
    _core: { _renderService: service },
  }
  return {
    terminal: terminal as unknown as Terminal,
    frames,
    scroll: (lines) => {
      for (let line = 0; line < lines; line += 1) for (const listener of listeners) listener()
    },
    refresh: (...range) => debouncer.refresh(...range),
    selections,
    select: (...selection) => service.handleSelectionChanged(...selection),
    service,
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

test('rows are drawn for a selection only while there is one, and once more when it is gone', () => {
  const { terminal, selections, select } = terminalOf(24)
  const drawing = new PacedDrawing(terminal)
  select(...NOTHING)
  assert.deepEqual(selections, [])
  select(...SOMETHING)
  select(...NOTHING)
  select(...NOTHING)
  assert.deepEqual(selections, [SOMETHING, NOTHING])
  drawing.dispose()
  select(...NOTHING)
  assert.equal(selections.length, 3, 'a terminal that is let go draws as it did before')
})

test('in a flood a selection waits for the next frame', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { terminal, selections, select, service, scroll, refresh } = terminalOf(24)
  const drawing = new PacedDrawing(terminal)
  refresh(0, 23, 24)
  scroll(25)
  refresh(0, 23, 24)
  select(...SOMETHING)
  assert.deepEqual(selections, [])
  const [start, end, columnSelectMode] = SOMETHING
  assert.deepEqual(service._selectionState, { start, end, columnSelectMode })
  assert.ok(service._needsSelectionRefresh, 'the frame that is to come draws it')
  t.mock.timers.tick(FLOOD_FRAME_MS)
  select(...NOTHING)
  assert.deepEqual(selections, [NOTHING])
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

import type { Terminal } from '@xterm/xterm'

/**
 * Leaves out what xterm's viewport does again for each line that scrolls although nothing changed since the line
 * before: in a flood, a tenth of the page's work.
 *
 * It reaches into xterm 6: where an xterm looks different it changes nothing.
 */
export function quietScrolling(terminal: Terminal): void {
  const { _viewport: viewport, _bufferService: buffers, _renderService: renders } = coreOf(terminal)
  const { _sync: sync, queueSync: queue, _scrollableElement: scrollable } = viewport ?? {}
  if (viewport === undefined || buffers === undefined || renders === undefined) return
  if (sync === undefined || queue === undefined || scrollable === undefined) return
  const place = (): number[] => [
    buffers.buffer.lines.length,
    buffers.buffer.ydisp,
    renders.dimensions.css.canvas.height,
    renders.dimensions.css.cell.height,
    scrollable.getScrollPosition().scrollTop,
  ]
  let synced: number[] = []
  viewport._sync = (row) => {
    if (row === undefined && place().every((value, index) => value === synced[index])) return
    sync.call(viewport, row)
    synced = place()
  }
  viewport.queueSync = (row) => {
    if (row !== undefined || viewport._queuedAnimationFrame === undefined) queue.call(viewport, row)
  }
}

/** The parts of xterm that are reached into. */
interface XtermCore {
  readonly _bufferService: {
    readonly buffer: { readonly lines: { readonly length: number }; readonly ydisp: number }
  }
  readonly _renderService: {
    readonly dimensions: { readonly css: Record<'canvas' | 'cell', { readonly height: number }> }
  }
  readonly _viewport: {
    _sync?: (row?: number) => void
    queueSync?: (row?: number) => void
    readonly _queuedAnimationFrame?: number
    readonly _scrollableElement?: { getScrollPosition(): { readonly scrollTop: number } }
  }
}

function coreOf(terminal: Terminal): Partial<XtermCore> {
  return (terminal as { _core?: Partial<XtermCore> })._core ?? {}
}

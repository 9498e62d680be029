import type { Terminal } from '@xterm/xterm'
import { scaleOf } from '../core/scale.ts'

/** Where the pointer is, in CSS pixels of the window. */
interface Pointer {
  readonly clientX: number
  readonly clientY: number
}

/** The parts of xterm that are reached into. */
interface XtermCore {
  readonly screenElement?: HTMLElement
  readonly _mouseService?: {
    getCoords?: (event: Pointer, element: HTMLElement, ...more: never[]) => unknown
    getMouseReportCoords?: (event: Pointer, element: HTMLElement) => unknown
  }
  readonly _selectionService?: { _getMouseEventScrollAmount?: (event: Pointer) => number }
}

/**
 * Lets selection, links and reports to programs mean the cell under the pointer where the page scales or zooms what holds
 * the terminal: xterm divides pixels of the window by its own.
 *
 * It reaches into xterm 6: where an xterm looks different it changes nothing.
 */
export function scaledPointer(terminal: Terminal): void {
  const { _mouseService: mouse, _selectionService: selection, screenElement: screen } = coreOf(terminal)
  const { getCoords: coords, getMouseReportCoords: reportCoords } = mouse ?? {}
  if (mouse === undefined || coords === undefined || reportCoords === undefined) return
  mouse.getCoords = (event, element, ...more) => coords.call(mouse, within(element, event), element, ...more)
  mouse.getMouseReportCoords = (event, element) => reportCoords.call(mouse, within(element, event), element)
  const scrollAmount = selection?._getMouseEventScrollAmount
  if (selection === undefined || scrollAmount === undefined || screen === undefined) return
  selection._getMouseEventScrollAmount = (event) => scrollAmount.call(selection, within(screen, event))
}

/** Where a pointer would be if the element were as large as it takes itself to be. */
function within(element: HTMLElement, { clientX, clientY }: Pointer): Pointer {
  const { left, top } = element.getBoundingClientRect()
  const { x, y } = scaleOf(element)
  return { clientX: left + (clientX - left) / x, clientY: top + (clientY - top) / y }
}

function coreOf(terminal: Terminal): XtermCore {
  return (terminal as { _core?: XtermCore })._core ?? {}
}

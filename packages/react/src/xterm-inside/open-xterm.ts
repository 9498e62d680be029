import type { Terminal } from '@xterm/xterm'
import { type CellCore, type CellRenderer, FittedCells } from './fitted-cells.ts'
import { type ContrastRenderer, readTextAfterLines } from './contrast-of-lines.ts'
import { type DimRenderer, readDimText } from './dim-text.ts'
import { type InverseRenderer, rightInverseText } from './inverse-text.ts'
import { reuseRows, type RowRenderer } from './reused-rows.ts'
import { type StrictStyles, styleRowsByObject, type StylingRenderer } from './strict-styles.ts'

interface Renderer
  extends StylingRenderer, RowRenderer, InverseRenderer, ContrastRenderer, DimRenderer, CellRenderer {
  readonly _rowFactory?: NonNullable<StylingRenderer['_rowFactory']> &
    NonNullable<RowRenderer['_rowFactory']> &
    NonNullable<InverseRenderer['_rowFactory']> &
    NonNullable<ContrastRenderer['_rowFactory']> &
    NonNullable<DimRenderer['_rowFactory']>
}

interface XtermCore extends CellCore {
  _createRenderer?: () => Renderer
  readonly _renderService?: { readonly _renderDebouncer?: { _animationFrame?: number | undefined } }
}

/**
 * Opens a terminal in `container`, and amends the DOM renderers that it makes then and later. It reaches into xterm 6;
 * each amendment leaves an xterm alone that looks different.
 */
export function openXterm(terminal: Terminal, container: HTMLElement, styles: StrictStyles): void {
  const page = container.ownerDocument
  const core = (terminal as { _core?: XtermCore })._core
  const create = core?._createRenderer
  if (core !== undefined && create !== undefined) {
    const cells = new FittedCells(core, container)
    core._createRenderer = () => {
      cells.raise()
      const renderer = styles.withSheets(page, () => create.call(core))
      styleRowsByObject(renderer)
      readTextAfterLines(renderer)
      readDimText(renderer)
      rightInverseText(renderer)
      reuseRows(renderer)
      cells.align(renderer)
      return renderer
    }
  }
  styles.withSheets(page, () => terminal.open(container))
}

/** Has a terminal that was opened draw in the window of the document that it was moved into. */
export function changeWindow(terminal: Terminal, container: HTMLElement): void {
  const debouncer = (terminal as { _core?: XtermCore })._core?._renderService?._renderDebouncer
  // It would wait for a frame of a window that may never draw one again.
  if (debouncer?._animationFrame !== undefined) debouncer._animationFrame = undefined
  // An open terminal is not opened again: it takes the window of its document.
  terminal.open(container)
}

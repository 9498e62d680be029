/** The part of xterm's DOM renderer that is reached into. */
export interface RowRenderer {
  readonly _rowElements?: readonly HTMLElement[]
  renderRows?: (start: number, end: number) => void
}

/**
 * Lets xterm's DOM renderer keep the elements of a row and change what differs. By itself it throws all of them away
 * at every frame, and with each the browser's layout of it: while output floods, tens of megabytes until the next
 * garbage collection.
 */
export function reuseRows(renderer: RowRenderer): void {
  const { renderRows } = renderer
  if (renderRows === undefined || renderer._rowElements === undefined) return
  const patched = new WeakSet<HTMLElement>()
  renderer.renderRows = (start, end) => {
    for (const row of renderer._rowElements ?? []) {
      if (patched.has(row)) continue
      patched.add(row)
      row.replaceChildren = (...nodes) => become(row, nodes)
    }
    renderRows.call(renderer, start, end)
  }
}

/** Makes the children of `row` equal to `nodes`; xterm's rows hold spans of text only. */
function become(row: HTMLElement, nodes: readonly (Node | string)[]): void {
  let kept = 0
  for (; kept < nodes.length; kept += 1) {
    const [old, fresh] = [row.childNodes[kept], nodes[kept]]
    if (!(old instanceof HTMLSpanElement && fresh instanceof HTMLSpanElement)) break
    copy(fresh, old)
  }
  while (row.childNodes.length > kept) row.lastChild?.remove()
  if (kept < nodes.length) row.append(...nodes.slice(kept))
}

function copy(from: HTMLSpanElement, to: HTMLSpanElement): void {
  if (from.className !== to.className) to.className = from.className
  const style = from.getAttribute('style')
  if (style !== to.getAttribute('style')) {
    // Through the CSSOM, which strict policies allow.
    if (style === null) to.removeAttribute('style')
    else to.style.cssText = style
  }
  const text = from.textContent
  if (to.firstChild instanceof Text && to.childNodes.length === 1) {
    if (to.firstChild.data !== text) to.firstChild.data = text
  } else to.textContent = text
}

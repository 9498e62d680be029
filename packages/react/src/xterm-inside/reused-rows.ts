/** The part of xterm's DOM renderer that is reached into. */
export interface RowRenderer {
  readonly _rowElements?: readonly HTMLElement[]
  readonly _rowFactory?: RowFactory
  renderRows?: (start: number, end: number) => void
  _setCellUnderline?: (...range: never[]) => void
}

/** Makes the spans of a row, and nothing else, with its document. */
interface RowFactory {
  _document?: Pick<Document, 'createElement'>
  createRow?: (...line: never[]) => HTMLSpanElement[]
}

/**
 * Lets xterm's DOM renderer keep the elements of a row and change what differs. By itself it makes new ones at every
 * frame and throws the old ones away, and with each the browser's layout of it: while output floods, tens of megabytes
 * until the next garbage collection. Instead it sets what a span would be on a draft, and the draft is compared with
 * the span that is shown in its place.
 *
 * An xterm that does more with a span than a draft can take gets real spans again.
 */
export function reuseRows(renderer: RowRenderer): void {
  const { renderRows, _setCellUnderline: underline, _rowFactory: factory } = renderer
  if (renderRows === undefined || underline === undefined || renderer._rowElements === undefined) return
  if (factory === undefined || !draftSpans(factory)) return
  const rows = new WeakSet<HTMLElement>()
  const adoptRows = (): void => {
    for (const row of renderer._rowElements ?? []) {
      if (!rows.has(row)) adopt(row)
      rows.add(row)
    }
  }
  renderer.renderRows = (start, end) => {
    adoptRows()
    renderRows.call(renderer, start, end)
  }
  renderer._setCellUnderline = (...range) => {
    adoptRows()
    underline.call(renderer, ...range)
  }
}

/** Makes a factory work with drafts. @returns false where it looks different */
function draftSpans(factory: RowFactory): boolean {
  const { _document: page, createRow } = factory
  if (page === undefined || createRow === undefined) return false
  factory._document = { createElement: () => new SpanDraft() as unknown as HTMLElement }
  factory.createRow = (...line) => {
    try {
      return createRow.call(factory, ...line)
    } catch (error) {
      // A draft throws at what it does not know. What throws with real spans too is xterm's own.
      if (!(error instanceof TypeError) || factory._document === page) throw error
      factory._document = page
      return createRow.call(factory, ...line)
    }
  }
  return true
}

/** What xterm sets on a span; of the styles, `cssText` has those without a field of their own. */
class SpanDraft {
  className = ''
  textContent = ''
  readonly style: DraftStyle = { cssText: '', letterSpacing: '', textDecoration: '', textDecorationColor: '' }

  constructor() {
    Object.seal(this.style)
    Object.seal(this)
  }

  cloneNode(): SpanDraft {
    const clone = new SpanDraft()
    clone.className = this.className
    Object.assign(clone.style, this.style)
    return clone
  }

  get css(): string {
    const { cssText, letterSpacing, textDecoration, textDecorationColor } = this.style
    let css = cssText
    if (letterSpacing !== '') css += `letter-spacing:${letterSpacing};`
    if (textDecoration !== '') css += `text-decoration:${textDecoration};`
    if (textDecorationColor !== '') css += `text-decoration-color:${textDecorationColor};`
    return css
  }
}

interface DraftStyle {
  cssText: string
  letterSpacing: string
  textDecoration: string
  textDecorationColor: string
}

/** Shows drafts in `row` from now on. */
function adopt(row: HTMLElement): void {
  const replace = row.replaceChildren.bind(row)
  const spans: ShownSpan[] = []
  let shown = 0
  replace()
  row.replaceChildren = (...nodes) => {
    if (!nodes.every(isDraft)) {
      shown = 0
      return replace(...nodes)
    }
    if (shown === 0) replace()
    for (; shown > nodes.length; shown -= 1) row.lastChild?.remove()
    for (const [index, draft] of nodes.entries()) {
      const span = (spans[index] ??= new ShownSpan(row.ownerDocument))
      span.become(draft)
      if (index < shown) continue
      row.append(span.element)
      shown += 1
    }
  }
}

function isDraft(node: unknown): node is Node & SpanDraft {
  return node instanceof SpanDraft
}

/** A span of a row and what it shows. It stays with its row, also while the row has no use for it. */
class ShownSpan {
  readonly element: HTMLSpanElement
  readonly #text: Text
  #className = ''
  #css = ''
  #content = ''

  constructor(page: Document) {
    this.element = page.createElement('span')
    this.#text = page.createTextNode('')
    this.element.append(this.#text)
  }

  become({ className, textContent, css }: SpanDraft): void {
    if (className !== this.#className) this.element.className = this.#className = className
    // Through the CSSOM, which strict policies allow.
    if (css !== this.#css) this.element.style.cssText = this.#css = css
    if (textContent !== this.#content) this.#text.data = this.#content = textContent
  }
}

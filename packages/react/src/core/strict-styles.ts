import type { Terminal } from '@xterm/xterm'
import { type InverseRenderer, rightInverseText } from './inverse-text.ts'
import { reuseRows, type RowRenderer } from './reused-rows.ts'

/**
 * Lets xterm draw under a Content-Security-Policy without `'unsafe-inline'`.
 *
 * xterm writes its colours in two ways that such a policy refuses: as text of `<style>` elements, and, for 24-bit
 * colours of the DOM renderer, through `setAttribute('style')`. Both have a counterpart that policies allow, because
 * only a script that already runs can use it: constructed style sheets and the CSSOM.
 *
 * It reaches into xterm 6: where an xterm looks different it changes nothing, and only pages with such a policy lose
 * colours.
 */
export class StrictStyles {
  readonly #root: Document | ShadowRoot
  readonly #sheets = new Set<CSSStyleSheet>()

  /** Sheets are adopted by `root`, the document or shadow root that the terminal is drawn in. */
  constructor(root: Document | ShadowRoot) {
    this.#root = root
  }

  /** Opens a terminal; the renderers that it makes then and later draw through this. */
  open(terminal: Terminal, container: HTMLElement): void {
    const core = (terminal as { _core?: XtermCore })._core
    const create = core?._createRenderer
    if (core !== undefined && create !== undefined) {
      core._createRenderer = () => {
        const renderer = this.#withSheets(container.ownerDocument, () => create.call(core))
        styleRowsByObject(renderer)
        rightInverseText(renderer)
        reuseRows(renderer)
        return renderer
      }
    }
    this.#withSheets(container.ownerDocument, () => terminal.open(container))
  }

  /** Takes all sheets out of the page again. */
  dispose(): void {
    for (const sheet of this.#sheets) this.#drop(sheet)
  }

  /**
   * While `work` runs, which is one synchronous call, `document.createElement('style')` makes elements whose text
   * becomes a constructed sheet. xterm's own `documentOverride` does not reach all of its elements.
   */
  #withSheets<T>(page: Document, work: () => T): T {
    if (!('adoptedStyleSheets' in this.#root)) return work()
    const before = Object.getOwnPropertyDescriptor(page, 'createElement')
    const createElement = page.createElement.bind(page)
    const replacement = (name: string, options?: ElementCreationOptions): HTMLElement =>
      name === 'style' ? this.#sheetElement(createElement('cliscale-style')) : createElement(name, options)
    Object.defineProperty(page, 'createElement', { value: replacement, configurable: true })
    try {
      return work()
    } finally {
      if (before === undefined) Reflect.deleteProperty(page, 'createElement')
      else Object.defineProperty(page, 'createElement', before)
    }
  }

  /** Makes the element apply its text as a constructed sheet instead of as its content. */
  #sheetElement(element: HTMLElement): HTMLElement {
    const sheet = new CSSStyleSheet()
    this.#adopt(sheet)
    element.hidden = true
    Object.defineProperty(element, 'textContent', {
      get: () => Array.from(sheet.cssRules, (rule) => rule.cssText).join('\n'),
      set: (css: string) => {
        sheet.replaceSync(css)
      },
    })
    element.remove = () => {
      this.#drop(sheet)
      Element.prototype.remove.call(element)
    }
    return element
  }

  #adopt(sheet: CSSStyleSheet): void {
    this.#sheets.add(sheet)
    this.#root.adoptedStyleSheets = [...this.#root.adoptedStyleSheets, sheet]
  }

  #drop(sheet: CSSStyleSheet): void {
    this.#sheets.delete(sheet)
    this.#root.adoptedStyleSheets = this.#root.adoptedStyleSheets.filter((other) => other !== sheet)
  }
}

interface RowFactory {
  _addStyle?: (element: HTMLElement, style: string) => void
}

interface Renderer extends RowRenderer, InverseRenderer {
  readonly _rowFactory?: RowFactory &
    NonNullable<RowRenderer['_rowFactory']> &
    NonNullable<InverseRenderer['_rowFactory']>
}

interface XtermCore {
  _createRenderer?: () => Renderer
}

/** Makes the DOM renderer set 24-bit colours through the CSSOM. */
function styleRowsByObject({ _rowFactory }: Renderer): void {
  if (_rowFactory?._addStyle === undefined) return
  _rowFactory._addStyle = (element, style) => {
    element.style.cssText += `${style};`
  }
}

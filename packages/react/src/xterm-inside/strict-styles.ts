import { pageOf, type Place } from '../core/place-watch.ts'

/** The terminal's own element, as selectors of xterm name it. */
const ROOT = /\.xterm(?:-dom-renderer-owner-\d+)?(?=[ .])/g

/** The weight that all rules of the terminal have, see terminal.css. */
const WEIGHTY_ROOT = ':is($&,#cliscale#cliscale)'

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
  #root: Place
  readonly #sheets = new Set<LiveSheet>()

  /** Sheets are adopted by `root`, the document or shadow root that the terminal is drawn in. */
  constructor(root: Place) {
    this.#root = root
  }

  /**
   * While `work` runs, which is one synchronous call, `page.createElement('style')` makes elements whose text
   * becomes a constructed sheet. xterm's own `documentOverride` does not reach all of its elements.
   */
  withSheets<T>(page: Document, work: () => T): T {
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

  /** The terminal is drawn in another root now, which may be one of another document. */
  moveTo(root: Place): void {
    const sheets = Array.from(this.#sheets)
    for (const sheet of sheets) this.#drop(sheet)
    this.#root = root
    for (const sheet of sheets) this.#adopt(sheet)
  }

  /** Takes all sheets out of the page again. */
  dispose(): void {
    for (const sheet of this.#sheets) this.#drop(sheet)
  }

  /** Makes the element apply its text as a constructed sheet instead of as its content. */
  #sheetElement(element: HTMLElement): HTMLElement {
    const sheet: LiveSheet = { text: '', made: undefined }
    this.#adopt(sheet)
    element.hidden = true
    Object.defineProperty(element, 'textContent', {
      get: () => sheet.text,
      set: (css: string) => {
        sheet.text = css
        sheet.made?.replaceSync(css.replaceAll(ROOT, WEIGHTY_ROOT))
      },
    })
    element.remove = () => {
      this.#drop(sheet)
      Element.prototype.remove.call(element)
    }
    return element
  }

  #adopt(sheet: LiveSheet): void {
    // A document adopts only sheets that its own window made.
    sheet.made = new (pageOf(this.#root).defaultView ?? window).CSSStyleSheet()
    sheet.made.replaceSync(sheet.text.replaceAll(ROOT, WEIGHTY_ROOT))
    this.#sheets.add(sheet)
    this.#root.adoptedStyleSheets = [...this.#root.adoptedStyleSheets, sheet.made]
  }

  #drop(sheet: LiveSheet): void {
    this.#sheets.delete(sheet)
    this.#root.adoptedStyleSheets = this.#root.adoptedStyleSheets.filter((other) => other !== sheet.made)
  }
}

/** The text of an element for rules and the sheet that applies it. */
interface LiveSheet {
  text: string
  made: CSSStyleSheet | undefined
}

/** The part of xterm's DOM renderer that sets 24-bit colours. */
export interface StylingRenderer {
  readonly _rowFactory?: { _addStyle?: (element: HTMLElement, style: string) => void }
}

/** Makes the DOM renderer set 24-bit colours through the CSSOM. */
export function styleRowsByObject({ _rowFactory }: StylingRenderer): void {
  if (_rowFactory?._addStyle === undefined) return
  _rowFactory._addStyle = (element, style) => {
    element.style.cssText += `${style};`
  }
}

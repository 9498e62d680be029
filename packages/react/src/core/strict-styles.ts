/**
 * Lets xterm draw under a Content-Security-Policy without `'unsafe-inline'`.
 *
 * xterm writes its colours in two ways that such a policy refuses: as text of `<style>` elements, and, for 24-bit
 * colours of the DOM renderer, through `setAttribute('style')`. Both have a counterpart that policies allow, because
 * only a script that already runs can use it: constructed style sheets and the CSSOM.
 */

/** Constructed sheets that stand in for the `<style>` elements of one terminal. */
export interface StrictStyles {
  /** For xterm's option `documentOverride`; `null` where the browser has no constructed sheets. */
  readonly document: Document | null
  /** Takes all sheets out of the page again. */
  dispose(): void
}

/** Sheets are adopted by `root`, the document or shadow root that the terminal is drawn in. */
export function createStrictStyles(root: Document | ShadowRoot): StrictStyles {
  const page = root.ownerDocument ?? root
  if (!('adoptedStyleSheets' in root) || typeof CSSStyleSheet !== 'function') {
    return { document: null, dispose: () => undefined }
  }
  const sheets = new Set<CSSStyleSheet>()
  const adopt = (sheet: CSSStyleSheet): void => {
    sheets.add(sheet)
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet]
  }
  const drop = (sheet: CSSStyleSheet): void => {
    sheets.delete(sheet)
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter((other) => other !== sheet)
  }
  return {
    document: documentWith(page, () => sheetElement(page, { adopt, drop })),
    dispose: () => sheets.forEach(drop),
  }
}

/** The page's document, but `createElement('style')` gives what `createStyle` makes. */
function documentWith(page: Document, createStyle: () => HTMLElement): Document {
  const createElement = (name: string, options?: ElementCreationOptions): HTMLElement =>
    name === 'style' ? createStyle() : page.createElement(name, options)
  return new Proxy(page, {
    get(target, property) {
      if (property === 'createElement') return createElement
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
    set: (target, property, value) => Reflect.set(target, property, value, target),
  })
}

interface SheetHolder {
  adopt(sheet: CSSStyleSheet): void
  drop(sheet: CSSStyleSheet): void
}

/** An element that applies its text as a constructed sheet instead of as its content. */
function sheetElement(page: Document, holder: SheetHolder): HTMLElement {
  const element = page.createElement('cliscale-style')
  const sheet = new CSSStyleSheet()
  element.hidden = true
  holder.adopt(sheet)
  Object.defineProperty(element, 'textContent', {
    get: () => Array.from(sheet.cssRules, (rule) => rule.cssText).join('\n'),
    set: (css: string) => {
      sheet.replaceSync(css)
    },
  })
  element.remove = () => {
    holder.drop(sheet)
    Element.prototype.remove.call(element)
  }
  return element
}

interface RowFactory {
  _addStyle?: (element: HTMLElement, style: string) => void
}

interface Renderer {
  readonly _rowFactory?: RowFactory
}

interface XtermCore {
  _createRenderer?: () => Renderer
}

/**
 * Makes the DOM renderers that this terminal will create set colours through the CSSOM. Must come before `open()`.
 * It reaches into xterm 6; where an xterm looks different it changes nothing, and only 24-bit colours of the DOM
 * renderer are lost under a strict policy.
 */
export function styleRowsWithoutAttributes(terminal: object): void {
  const core = (terminal as { _core?: XtermCore })._core
  const create = core?._createRenderer
  if (core === undefined || create === undefined) return
  core._createRenderer = () => {
    const renderer = create.call(core)
    const factory = renderer._rowFactory
    if (factory?._addStyle !== undefined) {
      factory._addStyle = (element, style) => {
        element.style.cssText += `${style};`
      }
    }
    return renderer
  }
}

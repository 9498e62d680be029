// The page of the test of xterm's inside: opens a plain xterm and looks for what the component reaches into.
import '@xterm/xterm/css/xterm.css'
import '../../src/terminal.css'
import { WebglAddon } from '@xterm/addon-webgl'
import { Terminal } from '@xterm/xterm'
import { type Shape, shapeProblems } from '../../../runner/test/support/shape.ts'

/** Every member that `src/xterm-inside/` uses and xterm does not promise, from the terminal on. */
const TERMINAL: Shape = {
  '_core._createRenderer': 'function/0',
  '_core._charSizeService._measureStrategy.measure': 'function/0',
  '_core._charSizeService._measureStrategy.measure().width': 'number',
  '_core._charSizeService._measureStrategy.measure().height': 'number',
  '_core._coreBrowserService.dpr': 'number',
  '_core.optionsService.rawOptions.fontFamily': 'string',
  '_core.optionsService.rawOptions.fontSize': 'number',
  '_core.optionsService.rawOptions.fontWeight': 'string',
  '_core.optionsService.rawOptions.fontWeightBold': 'string',
  '_core._bufferService.buffer.lines.length': 'number',
  '_core._bufferService.buffer.ydisp': 'number',
  '_core._renderService.dimensions.css.canvas.height': 'number',
  '_core._renderService.dimensions.css.cell.height': 'number',
  '_core._renderService._renderDebouncer.refresh': 'function/3',
  '_core._renderService._renderDebouncer._animationFrame': 'number',
  '_core._renderService._selectionState.start': 'absent',
  '_core._renderService._needsSelectionRefresh': 'boolean',
  '_core._renderService.handleSelectionChanged': 'function/3',
  '_core.screenElement': 'HTMLDivElement',
  '_core._mouseService.getCoords': 'function/5',
  '_core._mouseService.getMouseReportCoords': 'function/2',
  '_core._selectionService._getMouseEventScrollAmount': 'function/1',
  '_core._viewport._sync': 'function/0',
  '_core._viewport.queueSync': 'function/1',
  '_core._viewport._queuedAnimationFrame': 'number',
  '_core._viewport._scrollableElement.getScrollPosition().scrollTop': 'number',
}

/** The same of the DOM renderer that xterm makes. */
const RENDERER: Shape = {
  'dimensions.device.cell.height': 'number',
  'dimensions.css.canvas.height': 'number',
  'dimensions.css.cell.height': 'number',
  _terminalSelector: 'string',
  '_rowElements.0': 'HTMLDivElement',
  _screenElement: 'HTMLDivElement',
  _dimensionsStyleElement: 'HTMLStyleElement',
  _updateDimensions: 'function/0',
  renderRows: 'function/2',
  _setCellUnderline: 'function/6',
  '_rowFactory._document': 'HTMLDocument',
  '_rowFactory.createRow': 'function/11',
  '_rowFactory._addStyle': 'function/2',
  '_rowFactory._applyMinimumContrast': 'function/6',
  '_rowFactory._themeService.colors.foreground': 'object',
  '_rowFactory._themeService.colors.background': 'object',
}

/** The same of the addon that draws with WebGL. */
const ADDON: Shape = {
  '_renderer._charAtlas._getForegroundColor': 'function/10',
  '_renderer._charAtlas._getBackgroundColor': 'function/4',
}

interface Core {
  _createRenderer: () => object
  readonly _viewport: { queueSync(): void }
}

declare global {
  interface Window {
    /** What of xterm is not as it is taken. */
    insideProblems: () => string[]
    /** The same of its addon for WebGL. */
    addonProblems: () => string[]
    /** Rules of xterm's style sheet that the component's does not have. */
    missingStyles: () => string[]
  }
}

window.insideProblems = () => {
  const terminal = new Terminal({ allowProposedApi: true })
  const core = (terminal as unknown as { _core: Core })._core
  const create = core._createRenderer.bind(core)
  let renderer: object = {}
  core._createRenderer = () => (renderer = create())
  const root = document.createElement('div')
  document.body.append(root)
  terminal.open(root)
  Reflect.deleteProperty(core, '_createRenderer')
  // Only while it waits for a frame the viewport has the frame's number.
  core._viewport.queueSync()
  return [...shapeProblems(terminal, TERMINAL), ...shapeProblems(renderer, RENDERER)]
}

window.addonProblems = () => {
  const terminal = new Terminal()
  const root = document.createElement('div')
  document.body.append(root)
  terminal.open(root)
  const addon = new WebglAddon()
  terminal.loadAddon(addon)
  return shapeProblems(addon, ADDON)
}

window.missingStyles = () => {
  const rules = Array.from(document.styleSheets).flatMap(({ cssRules }) => Array.from(cssRules, toStyle))
  const [ours, theirs] = [true, false].map((own) =>
    rules.filter(({ selectorText }) => selectorText.includes('#cliscale') === own),
  )
  const known = new Set(ours?.flatMap(({ cssRules }) => Array.from(cssRules, toStyle)).map(textOf))
  if (theirs === undefined || theirs.length === 0) throw new Error('The page has no rules of xterm.')
  return theirs.map(textOf).filter((text) => !known.has(text))
}

function toStyle(rule: CSSRule): CSSStyleRule {
  if (rule instanceof CSSStyleRule) return rule
  throw new Error(`This is no rule of a style: ${rule.cssText}`)
}

/** A rule as it is written inside one for the terminal. */
function textOf({ selectorText, style }: CSSStyleRule): string {
  const selectors = selectorText.split(',').map((selector) => {
    const nested = selector.trim().replace(/^\.xterm(?=[ .:]|$)/, '&')
    return nested.startsWith('&') ? nested : `& ${nested}`
  })
  return `${selectors.join(', ')} { ${style.cssText} }`
}

import { countCells } from '@cliscale/sdk/protocol'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import { FitAddon } from '@xterm/addon-fit'
import { WebLinksAddon } from '@xterm/addon-web-links'
import { type IDisposable, type ITheme, Terminal } from '@xterm/xterm'
import { changeWindow, openXterm } from '../xterm-inside/open-xterm.ts'
import { PacedDrawing } from '../xterm-inside/paced-drawing.ts'
import { quietScrolling } from '../xterm-inside/quiet-scrolling.ts'
import { scaledPointer } from '../xterm-inside/scaled-pointer.ts'
import { StrictStyles } from '../xterm-inside/strict-styles.ts'
import { type BarKey, barKeyText } from './bar-keys.ts'
import { forgetCellBoxes } from './cell-box.ts'
import { handleClipboardWrites } from './clipboard.ts'
import { FontWatch } from './font-watch.ts'
import { type KeyAnswer, KeyboardModes, keyText } from './keymap.ts'
import { hyperlinkHandler, openLink, webAddress } from './links.ts'
import { isFocusReport, muteReplies } from './muted-replies.ts'
import { type PasteRequest, pasteRequest } from './paste.ts'
import { pageOf, type Place, watchPlace } from './place-watch.ts'
import { type RendererChoice, RendererLease, type RendererName } from './renderer.ts'
import { ReplayWindow } from './replay-window.ts'
import { type Cells, ScreenLayout } from './screen-layout.ts'
import { type KeyChord, shortcutOf } from './shortcuts.ts'
import { touchScrolling } from './touch-scrolling.ts'

/** Looks and limits of a screen; all may change while it is open. */
export interface ScreenOptions {
  readonly theme: ITheme
  /** Pixels. */
  readonly fontSize: number
  readonly fontFamily: string
  readonly screenReaderMode: boolean
  /** Lines above the viewport. */
  readonly scrollback: number
  readonly cursorBlink: boolean
  readonly renderer: RendererChoice
  readonly leaveKey: KeyChord
  /** Whether keys and pastes are taken. */
  readonly input: boolean
}

/** What a screen tells its owner. */
export interface ScreenListener {
  /** Keys, mouse reports and answers to queries, to be sent as UTF-8. */
  onInput(text: string): void
  /** Mouse reports of old encodings, one byte per character. */
  onBinaryInput(bytes: string): void
  /** The size that fits the container; not called while another client owns the size. */
  onFit(size: Cells): void
  onTitle(title: string): void
  onPaste(request: PasteRequest): void
  onClipboardBlocked(text: string): void
  onLinkTarget(target: string | null): void
  onLeave(): void
  /** A key was pressed that is not the one that leaves. */
  onKey(event: KeyboardEvent): KeyAnswer
  onRenderer(renderer: RendererName): void
  /** It was moved into another document or shadow root. */
  onMoved(): void
}

const IS_MAC = /^Mac|^iP/.test(globalThis.navigator?.platform ?? '')

/** xterm with everything that a hostile byte stream and a person at a keyboard need. Knows nothing of sessions. */
export class Screen {
  readonly terminal: Terminal
  readonly #container: HTMLElement
  readonly #listener: ScreenListener
  readonly #styles: StrictStyles
  readonly #layout: ScreenLayout
  readonly #renderer: RendererLease
  readonly #replay: ReplayWindow = new ReplayWindow()
  readonly #drawing: PacedDrawing
  #fonts: FontWatch
  #place: Place
  readonly #modes: KeyboardModes
  readonly #disposables: IDisposable[] = []
  #options: ScreenOptions
  /** How the fonts are written; see {@link Screen.#measureAnew}. */
  #spelling: '' | ' ' = ''

  /** Draws into `container`, which must be in the page. */
  constructor(container: HTMLElement, options: ScreenOptions, listener: ScreenListener) {
    this.#container = container
    this.#options = options
    this.#listener = listener
    // The style sheet knows it by this.
    container.classList.add('cliscale-screen')
    this.#fonts = new FontWatch(container, () => this.#measureAnew())
    this.#watchFonts()
    this.#place = container.getRootNode() as Place
    this.#styles = new StrictStyles(this.#place)
    this.terminal = this.#createTerminal()
    this.#modes = new KeyboardModes(this.terminal)
    const fit = new FitAddon()
    this.terminal.loadAddon(fit)
    this.#loadAddons()
    openXterm(this.terminal, container, this.#styles)
    quietScrolling(this.terminal)
    scaledPointer(this.terminal)
    this.#drawing = new PacedDrawing(this.terminal)
    this.#renderer = new RendererLease(this.terminal, (name) => {
      this.#layout.update()
      listener.onRenderer(name)
    })
    this.#layout = new ScreenLayout(this.terminal, fit, container, {
      fontSize: options.fontSize,
      onFit: (size) => listener.onFit(size),
      onVisible: (visible) => this.#setVisible(visible),
    })
    this.#listen(container)
  }

  /** The size in cells. */
  get size(): Cells {
    return { columns: this.terminal.cols, rows: this.terminal.rows }
  }

  get renderer(): RendererName {
    return this.#renderer.name
  }

  /**
   * Writes output. `parsed` is called when the terminal has worked it off. With `replay` it repeats the past: nothing in
   * it is answered or copied.
   */
  write(data: Uint8Array, replay: boolean, parsed: () => void): void {
    this.#replay.wrote(replay)
    this.terminal.write(data, () => {
      this.#replay.parsed()
      parsed()
    })
  }

  /** Clears everything, in order with what was written before. */
  reset(): void {
    // RIS in the stream, not terminal.reset(): that would overtake bytes that wait to be parsed.
    this.terminal.write('\u001Bc')
  }

  /** Nothing comes any more: takes the cursor away, after what was written before. */
  finish(): void {
    this.terminal.write('\u001B[?25l')
  }

  /** Takes a text as a paste: cleaned, then told to the listener, who types it or not. */
  paste(clipboard: string): void {
    if (!this.#options.input) return
    const request = pasteRequest(clipboard, this.terminal.modes.bracketedPasteMode)
    if (request !== undefined) this.#listener.onPaste(request)
  }

  /** Presses a key of the key bar, as if it were the keyboard's. */
  press(key: BarKey, ctrl: boolean): void {
    if (!this.#options.input) return
    this.terminal.input(barKeyText(key, this.terminal.modes.applicationCursorKeysMode, ctrl))
  }

  /** The buffer in use, scrollback included, as text. */
  text(): string {
    const { active } = this.terminal.buffer
    const lines: string[] = []
    for (let row = 0; row < active.length; row += 1) {
      const line = active.getLine(row)
      const text = line?.translateToString(true) ?? ''
      if (line?.isWrapped === true) lines.push((lines.pop() ?? '') + text)
      else lines.push(text)
    }
    return lines.join('\n').trimEnd()
  }

  /** Fits the container, or, with a size, shows that size as large as the container allows. */
  follow(size: Cells | undefined): void {
    this.#layout.follow(size)
  }

  /** Applies what changed. */
  update(options: ScreenOptions): void {
    this.#options = options
    this.#watchFonts()
    Object.assign(this.terminal.options, this.#look())
    this.#layout.setFontSize(options.fontSize)
    if (options.renderer === 'dom') this.#renderer.release()
  }

  dispose(): void {
    this.#fonts.dispose()
    this.#layout.dispose()
    this.#renderer.release()
    for (const disposable of this.#disposables) disposable.dispose()
    this.#drawing.dispose()
    this.terminal.dispose()
    this.#styles.dispose()
  }

  #createTerminal(): Terminal {
    return new Terminal({
      ...this.#look(),
      fontSize: this.#options.fontSize,
      allowProposedApi: true,
      minimumContrastRatio: 4.5,
      macOptionClickForcesSelection: true,
      linkHandler: hyperlinkHandler((target) => this.#listener.onLinkTarget(target)),
    })
  }

  #loadAddons(): void {
    countCells(this.terminal, new Unicode11Addon())
    this.terminal.loadAddon(
      new WebLinksAddon((_event, target) => openLink(target), {
        hover: (_event, target) => this.#listener.onLinkTarget(webAddress(target) ?? null),
        leave: () => this.#listener.onLinkTarget(null),
      }),
    )
  }

  #listen(container: HTMLElement): void {
    const { terminal } = this
    const replaying = (): boolean => this.#replay.open
    this.#disposables.push(
      this.#modes,
      muteReplies(terminal, replaying),
      handleClipboardWrites(terminal, {
        allowed: () => this.#options.input && !replaying(),
        onBlocked: (text) => this.#listener.onClipboardBlocked(text),
      }),
      terminal.onData((data) => {
        if (!(replaying() && isFocusReport(data))) this.#listener.onInput(data)
      }),
      terminal.onBinary((data) => this.#listener.onBinaryInput(data)),
      terminal.onTitleChange((title) => this.#listener.onTitle(title)),
      onPasteInto(container, (text) => this.paste(text)),
      touchScrolling(terminal, container),
      { dispose: watchPlace(container, (focused) => this.#moved(focused)) },
    )
    terminal.attachCustomKeyEventHandler((event) => this.#ownKey(event))
  }

  /** Answers whether xterm may have the key. */
  #ownKey(event: KeyboardEvent): boolean {
    const action = shortcutOf(event, this.#options.leaveKey, this.terminal.hasSelection())
    if (action !== 'leave') {
      const answer = event.type === 'keydown' ? this.#listener.onKey(event) : undefined
      const own = answer ?? (action === undefined ? keyText(event, this.#modes.extended, IS_MAC) : undefined)
      if (own === undefined && action === undefined) return true
      if (own !== undefined) {
        event.preventDefault()
        if (own !== false && this.#options.input) this.terminal.input(own)
        return false
      }
    }
    if (action === 'paste') return false
    event.preventDefault()
    if (action === 'leave') this.#listener.onLeave()
    // xterm answers the copy event with its selection; unlike the clipboard API this works on plain http too.
    if (action === 'copy' && this.terminal.hasSelection()) {
      this.terminal.element?.ownerDocument.execCommand('copy')
    }
    return false
  }

  /** The container stands elsewhere: in the same document, in or out of a shadow root, or in another document. */
  #moved(hadFocus: boolean): void {
    const left = pageOf(this.#place)
    const page = this.#container.ownerDocument
    const place = this.#container.getRootNode() as Place
    if (place !== this.#place) {
      this.#place = place
      this.#styles.moveTo(place)
      if (page !== left) this.#changeWindow()
      this.#listener.onMoved()
    }
    this.#layout.update()
    if (hadFocus && isUnfocused(left) && isUnfocused(page, left)) this.terminal.focus()
  }

  #changeWindow(): void {
    // First of all: the window that it left may be gone, and without a size.
    changeWindow(this.terminal, this.#container)
    // What WebGL draws into is of that window.
    this.#renderer.release()
    this.#fonts.dispose()
    this.#fonts = new FontWatch(this.#container, () => this.#measureAnew())
    this.#watchFonts()
    this.#layout.changeWindow()
    this.#measureAnew()
  }

  /** The same fonts have other glyphs now. xterm measures and draws anew when the list changes, be it by a space. */
  #measureAnew(): void {
    forgetCellBoxes()
    this.#spelling = this.#spelling === '' ? ' ' : ''
    this.terminal.options.fontFamily = this.#look().fontFamily
    this.#renderer.forgetGlyphs()
    this.#layout.update()
  }

  #watchFonts(): void {
    const { fontFamily } = this.#options
    this.#container.style.setProperty('--cliscale-screen-font', fontFamily)
    this.#fonts.watch(fontFamily)
  }

  #look(): ReturnType<typeof lookOf> {
    const { fontFamily } = this.#options
    return lookOf({ ...this.#options, fontFamily: `${fontFamily}${this.#spelling}` })
  }

  #setVisible(visible: boolean): void {
    if (visible) this.#renderer.acquire(this.#options.renderer)
    else this.#renderer.release()
  }
}

function lookOf(options: ScreenOptions): {
  theme: ITheme
  fontFamily: string
  screenReaderMode: boolean
  scrollback: number
  cursorBlink: boolean
  disableStdin: boolean
} {
  const { theme, fontFamily, screenReaderMode, scrollback, cursorBlink, input } = options
  return { theme, fontFamily, screenReaderMode, scrollback, cursorBlink, disableStdin: !input }
}

/** Whether nothing in a page has the focus, or only the frame of the other one. */
function isUnfocused({ activeElement, body }: Document, other?: Document): boolean {
  return !activeElement || activeElement === body || activeElement === other?.defaultView?.frameElement
}

/** Takes pastes before xterm does, which would pass escape characters on. */
function onPasteInto(container: HTMLElement, paste: (text: string) => void): IDisposable {
  const listener = (event: ClipboardEvent): void => {
    event.preventDefault()
    event.stopPropagation()
    paste(event.clipboardData?.getData('text/plain') ?? '')
  }
  container.addEventListener('paste', listener, true)
  return { dispose: () => container.removeEventListener('paste', listener, true) }
}

import type { Terminal, TerminalEvents, TerminalReady, TerminalSink } from '@cliscale/sdk'
import { type CliscaleError, isCliscaleError } from '@cliscale/sdk/errors'
import type { PhaseReport, SessionExit } from '@cliscale/sdk/protocol'
import { type BarKey, withCtrl } from './bar-keys.ts'
import { writeClipboard } from './clipboard.ts'
import type { KeyAnswer } from './keymap.ts'
import { needsConfirmation, type PasteRequest } from './paste.ts'
import { tellMissingHeight } from './missing-height.ts'
import { STYLES_ARRIVE_MS } from './limits.ts'
import type { Screen, ScreenListener, ScreenOptions } from './screen.ts'
import type { Cells } from './screen-layout.ts'
import { SnapshotStore } from './snapshot-store.ts'
import { stylesMissing, toMountError } from './mount-errors.ts'
import { acceptsInput, INITIAL_SNAPSHOT, type TerminalSnapshot } from './terminal-snapshot.ts'
import { isSameTarget, type TerminalTarget } from './terminal-target.ts'

/** Options of a controller. */
export interface ControllerOptions extends Omit<ScreenOptions, 'input'> {
  /** Takes no keys and no pastes, whatever the token allows. */
  readonly readOnly: boolean
  /** Whether large or many-line pastes are asked about. */
  readonly confirmPaste: boolean
  readonly autoFocus: boolean
}

/** What a controller tells, once each time. */
export interface ControllerEvents {
  onStateChange?: ((state: TerminalSnapshot['state']) => void) | undefined
  onPhase?: ((phase: PhaseReport) => void) | undefined
  onExit?: ((exit: SessionExit) => void) | undefined
  onError?: ((error: CliscaleError) => void) | undefined
  onTitleChange?: ((title: string) => void) | undefined
  onKey?: ((event: KeyboardEvent) => KeyAnswer) | undefined
  /** The key that leaves the terminal was pressed. */
  onLeave?: (() => void) | undefined
}

/**
 * Binds a screen to a session's terminal: output with credit, input, size, replay, hand-over. It knows nothing of
 * React. Mounting and unmounting in one turn, as React's StrictMode does, changes nothing: the terminal is closed
 * only when it stays unmounted, so a one-time token is never spent twice.
 */
export class TerminalController {
  readonly store: SnapshotStore<TerminalSnapshot> = new SnapshotStore(INITIAL_SNAPSHOT)
  #options: ControllerOptions
  #events: ControllerEvents = {}
  #container: HTMLElement | undefined
  #screen: Screen | undefined
  #terminal: Terminal | undefined
  #target: TerminalTarget | undefined
  #openKey: readonly unknown[] | undefined
  #unsubscribe: () => void = () => undefined
  #screenReader: boolean | undefined
  #fixedSize: Cells | undefined
  #destroyTimer: ReturnType<typeof setTimeout> | undefined
  #stylesTimer: ReturnType<typeof setTimeout> | undefined
  #problem: CliscaleError | undefined
  #told: string | undefined

  /** Touches neither the page nor the network. */
  constructor(options: ControllerOptions) {
    this.#options = options
  }

  /** The terminal that is connected, if there is one. */
  get terminal(): Terminal | undefined {
    return this.#terminal
  }

  /** Draws into `container`. */
  mount(container: HTMLElement): void {
    clearTimeout(this.#destroyTimer)
    if (this.#container === container) return
    this.#destroy()
    this.#container = container
    void this.#load(container)
  }

  /** Closes everything, unless it is mounted again in this turn. */
  unmount(): void {
    clearTimeout(this.#destroyTimer)
    this.#destroyTimer = setTimeout(() => this.#destroy(), 0)
  }

  /** Connects to `target` if it is another one than before; without one it waits. */
  setTarget(target: TerminalTarget | undefined): void {
    this.#target = target
    this.#connect()
  }

  /** Why there is nothing to connect to; shown in the terminal's place until it is taken back. */
  setProblem(problem: CliscaleError | undefined): void {
    if (problem?.message === this.#problem?.message) return
    this.#problem = problem
    if (problem !== undefined) this.#fail(problem)
    else if (this.#terminal === undefined) this.store.set({ state: 'idle', error: null })
  }

  setEvents(events: ControllerEvents): void {
    this.#events = events
  }

  setOptions(options: ControllerOptions): void {
    this.#options = options
    this.#applyOptions()
  }

  /** Types into the session. Resolves when the input is accepted. */
  async write(data: string | Uint8Array): Promise<void> {
    await this.#terminal?.write(data)
  }

  /** Types as a paste would: cleaned, and marked as pasted where the program asked for that. */
  paste(text: string): void {
    this.#screen?.paste(text)
  }

  /** Presses a key that the keyboards of phones lack. */
  pressKey(key: BarKey): void {
    const { ctrlHeld } = this.store.get()
    this.holdCtrl(false)
    this.#screen?.press(key, ctrlHeld)
  }

  /** Takes the next key as one with Ctrl, or no longer. */
  holdCtrl(held: boolean): void {
    this.store.set({ ctrlHeld: held })
  }

  /** Fixes the size in cells; without one the terminal fits its container again. */
  resize(size: Cells | undefined): void {
    this.#fixedSize = size
    if (size !== undefined) this.#terminal?.resize(size.columns, size.rows)
    this.#layOut()
  }

  /** Clears the screen and its scrollback; the program does not know. */
  clear(): void {
    this.#screen?.terminal.clear()
  }

  focus(): void {
    this.#screen?.terminal.focus()
  }

  /** The whole buffer as text. */
  text(): string {
    return this.#screen?.text() ?? ''
  }

  /** Asks to become the driver, who types and owns the size. */
  takeControl(): void {
    void this.#terminal?.takeControl().catch((error: unknown) => this.#report(error))
    this.focus()
  }

  /** Connects again after it failed. */
  reconnect(): void {
    if (this.#terminal?.state === 'failed') this.#terminal.connect()
    else if (this.#screen === undefined && this.#container !== undefined) void this.#load(this.#container)
  }

  /** Switches the screen-reader mode, over what the options say. */
  setScreenReaderMode(on: boolean): void {
    this.#screenReader = on
    this.#applyOptions()
  }

  /** Answers a paste that waits for a yes. */
  answerPaste(paste: boolean): void {
    const request = this.store.get().pendingPaste
    this.store.set({ pendingPaste: null })
    if (paste && request !== null) this.#screen?.terminal.paste(request.text)
    this.focus()
  }

  /** Answers a text that waits to be put on the clipboard; to be called in the handler of a click. */
  answerCopy(copy: boolean): void {
    const text = this.store.get().pendingCopy
    this.store.set({ pendingCopy: null })
    if (copy && text !== null) void writeClipboard(text)
    this.focus()
  }

  async #load(container: HTMLElement): Promise<void> {
    try {
      const { Screen } = await import('./screen.ts')
      if (this.#container !== container || this.#screen !== undefined) return
      this.#screen = new Screen(container, this.#screenOptions(), this.#listener())
    } catch (error) {
      if (this.#container === container) this.#fail(toMountError(error))
      return
    }
    this.store.set({ size: this.#screen.size, screenReaderMode: this.#screenOptions().screenReaderMode })
    if (this.#problem === undefined) this.store.set({ state: 'idle', error: null })
    this.#look(container, () => tellMissingHeight(container))
    if (this.#options.autoFocus) this.focus()
    this.#connect()
  }

  /** Tells what is missing where the terminal stands. Style sheets may still be on their way when it comes there. */
  #look(container: HTMLElement, styled?: () => void): void {
    clearTimeout(this.#stylesTimer)
    if (stylesMissing(container) === undefined) return styled?.()
    this.#stylesTimer = setTimeout(() => {
      const unstyled = stylesMissing(container)
      if (unstyled === undefined) return styled?.()
      console.warn(`Cliscale: ${unstyled.message}`)
      this.#report(unstyled)
    }, STYLES_ARRIVE_MS)
  }

  #fail(error: CliscaleError): void {
    this.store.set({ state: 'failed', error })
    this.#report(error)
  }

  /** What keeps a terminal from its first connection is told while it tries again, each reason once. */
  #tellWhileTrying(error: CliscaleError | undefined): void {
    if (error === undefined || this.store.get().wasReady || error.message === this.#told) return
    this.#told = error.message
    this.#events.onError?.(error)
  }

  #connect(): void {
    const screen = this.#screen
    if (screen === undefined || isSameTarget(this.#openKey, this.#target?.key)) return
    this.#close()
    this.#openKey = this.#target?.key
    if (this.#target === undefined) return
    this.#told = undefined
    const terminal = this.#target.open(this.#fixedSize ?? screen.size)
    this.#terminal = terminal
    this.store.set({ state: terminal.state, error: null })
    this.#unsubscribe = this.#follow(terminal, screen)
  }

  /** Listens to a terminal. @returns what ends that */
  #follow(terminal: Terminal, screen: Screen): () => void {
    terminal.setSink(sinkInto(screen))
    const stops = [
      listen(terminal, 'state', (state, detail) => {
        this.store.set({ state, attempt: detail.attempt ?? 0, error: detail.error ?? null })
        this.#applyOptions()
        this.#events.onStateChange?.(state)
        if (state === 'reconnecting') this.#tellWhileTrying(detail.error)
      }),
      listen(terminal, 'phase', (phase) => {
        this.store.set({ phase, error: null })
        this.#events.onPhase?.(phase)
      }),
      listen(terminal, 'ready', (ready) => this.#ready(ready)),
      listen(terminal, 'size', ({ columns, rows, driver, clients }) => {
        this.store.set({ size: { columns, rows }, driver, clients })
        this.#layOut()
      }),
      listen(terminal, 'title', (title) => this.#title(title)),
      listen(terminal, 'latency', (latencyMs) => this.store.set({ latencyMs: Math.round(latencyMs) })),
      listen(terminal, 'exit', (exit) => {
        this.store.set({ exit })
        screen.finish()
        this.#events.onExit?.(exit)
      }),
      listen(terminal, 'error', (error) => {
        if (!this.store.get().wasReady) this.store.set({ error })
        this.#events.onError?.(error)
      }),
    ]
    return () => stops.forEach((stop) => stop())
  }

  #ready({ columns, rows, role, driver }: TerminalReady): void {
    this.store.set({ size: { columns, rows }, role, driver, wasReady: true, phase: null, error: null })
    this.#layOut()
  }

  /** The driver's screen fits its container, every other one shows the driver's size. */
  #layOut(): void {
    const { role, driver, size } = this.store.get()
    this.#screen?.follow(role !== null && !driver ? size : this.#fixedSize)
    this.#applyOptions()
  }

  #applyOptions(): void {
    const options = this.#screenOptions()
    this.#screen?.update(options)
    this.store.set({ screenReaderMode: options.screenReaderMode })
  }

  #screenOptions(): ScreenOptions {
    const { readOnly, screenReaderMode, ...look } = this.#options
    return {
      ...look,
      screenReaderMode: this.#screenReader ?? screenReaderMode,
      input: acceptsInput(this.store.get(), readOnly),
    }
  }

  #listener(): ScreenListener {
    return {
      onInput: (text) => this.#type(this.#withHeldCtrl(text)),
      onBinaryInput: (text) => this.#type(Uint8Array.from(text, (character) => character.charCodeAt(0))),
      onFit: (size) => {
        const { role, driver } = this.store.get()
        if (role === null || driver) this.store.set({ size })
        const wanted = this.#fixedSize ?? size
        this.#terminal?.resize(wanted.columns, wanted.rows)
      },
      onTitle: (title) => this.#title(title),
      onPaste: (request) => this.#pasted(request),
      onClipboardBlocked: (text) => this.store.set({ pendingCopy: text }),
      onLinkTarget: (linkTarget) => this.store.set({ linkTarget }),
      onLeave: () => this.#events.onLeave?.(),
      onKey: (event) => this.#events.onKey?.(event),
      onRenderer: (renderer) => this.store.set({ renderer }),
      onMoved: () => this.#container !== undefined && this.#look(this.#container),
    }
  }

  /** Only a single character is a key: reports of the mouse and answers to queries are longer. */
  #withHeldCtrl(text: string): string {
    if (text.length !== 1 || !this.store.get().ctrlHeld) return text
    this.holdCtrl(false)
    return withCtrl(text)
  }

  #type(data: string | Uint8Array): void {
    this.#terminal?.write(data).catch((error: unknown) => this.#report(error))
  }

  #report(error: unknown): void {
    if (isCliscaleError(error)) this.#events.onError?.(error)
  }

  #pasted(request: PasteRequest): void {
    if (this.#options.confirmPaste && needsConfirmation(request)) this.store.set({ pendingPaste: request })
    else this.#screen?.terminal.paste(request.text)
  }

  #title(title: string): void {
    if (title === this.store.get().title) return
    this.store.set({ title })
    this.#events.onTitleChange?.(title)
  }

  #close(): void {
    this.#unsubscribe()
    this.#unsubscribe = () => undefined
    const terminal = this.#terminal
    this.#terminal = undefined
    if (terminal === undefined) return
    void terminal.close()
    this.#screen?.reset()
    const { renderer, screenReaderMode } = this.store.get()
    this.store.set({ ...INITIAL_SNAPSHOT, size: this.#screen?.size ?? INITIAL_SNAPSHOT.size })
    this.store.set({ renderer, screenReaderMode })
    this.#layOut()
  }

  #destroy(): void {
    clearTimeout(this.#stylesTimer)
    this.#openKey = undefined
    this.#close()
    this.#screen?.dispose()
    this.#screen = undefined
    this.#container = undefined
  }
}

/** Credit goes back when xterm has parsed the bytes, not when they arrived. */
function sinkInto(screen: Screen): TerminalSink {
  return {
    write: (data, { replay }) => new Promise<void>((resolve) => screen.write(data, replay, resolve)),
    reset: () => screen.reset(),
  }
}

function listen<E extends keyof TerminalEvents>(
  terminal: Terminal,
  event: E,
  listener: (...args: TerminalEvents[E]) => void,
): () => void {
  terminal.on(event, listener)
  return () => terminal.off(event, listener)
}

import { type CliscaleError, ConnectionError, ForbiddenError, isCliscaleError } from '@cliscale/sdk/errors'
import { type Asciicast, hasOutput, parseAsciicast, type SkippedLines } from './asciicast.ts'
import { FontWatch } from './font-watch.ts'
import { tellMissingHeight } from './missing-height.ts'
import type * as PlayerModule from './player.ts'
import type { Player, PlayerLook } from './player.ts'
import type { PlayerSource } from './player-source.ts'
import { SnapshotStore } from './snapshot-store.ts'
import { isSameTarget } from './terminal-target.ts'

/** What a player shows. `empty`: nothing was printed while it was recorded. */
export type PlayerState = 'idle' | 'loading' | 'ready' | 'empty' | 'failed'

/** Everything that is drawn around a player. */
export interface PlayerSnapshot {
  readonly state: PlayerState
  readonly error: CliscaleError | null
}

/** What a player tells. */
export interface PlayerEvents {
  onPlay?: (() => void) | undefined
  onPause?: (() => void) | undefined
  onEnded?: (() => void) | undefined
  onError?: ((error: CliscaleError) => void) | undefined
  onSkipped?: ((skipped: SkippedLines) => void) | undefined
}

/**
 * Binds a recording to a player in the page. It knows nothing of React. Mounting and unmounting in one turn, as
 * React's StrictMode does, changes nothing: a recording is read once.
 */
export class PlayerController {
  readonly store: SnapshotStore<PlayerSnapshot> = new SnapshotStore<PlayerSnapshot>({
    state: 'idle',
    error: null,
  })
  #events: PlayerEvents = {}
  #look: Omit<PlayerLook, 'startAt'>
  #lookKey: readonly unknown[] = []
  #container: HTMLElement | undefined
  #fonts: FontWatch | undefined
  #source: PlayerSource | undefined
  #loading: AbortController | undefined
  #cast: Asciicast | undefined
  #create: typeof PlayerModule.createPlayer | undefined
  #player: Player | undefined
  #isPlaying = false
  #destroyTimer: ReturnType<typeof setTimeout> | undefined

  /** Touches neither the page nor the network. */
  constructor(look: Omit<PlayerLook, 'startAt'>) {
    this.#look = look
  }

  /** Draws into `container`. */
  mount(container: HTMLElement): void {
    clearTimeout(this.#destroyTimer)
    this.#container = container
    this.#fonts ??= new FontWatch(container, () => this.#drawAgain())
    this.#fonts.watch(this.#look.fontFamily)
    tellMissingHeight(container)
    if (this.#source !== undefined && this.#loading === undefined) void this.#load(this.#source)
  }

  /** Takes the player away, unless it is mounted again in this turn. */
  unmount(): void {
    clearTimeout(this.#destroyTimer)
    this.#destroyTimer = setTimeout(() => {
      this.#forget()
      this.#fonts?.dispose()
      this.#fonts = undefined
      this.#container = undefined
    }, 0)
  }

  /** Plays another recording, if it is another one. */
  setSource(source: PlayerSource | undefined): void {
    if (isSameTarget(this.#source?.key, source?.key)) return
    this.#forget()
    this.#source = source
    this.store.set({ state: 'idle', error: null })
    if (source !== undefined && this.#container !== undefined) void this.#load(source)
  }

  setEvents(events: PlayerEvents): void {
    this.#events = events
  }

  /** Changes how it plays, at the place where it is. `colours` are of the style sheet, but read when it is drawn. */
  setLook(look: Omit<PlayerLook, 'startAt'>, colours: unknown): void {
    this.#look = look
    const key = [look.speed, look.idleTimeLimit, look.fit, look.fontFamily, colours]
    const isChanged = !isSameTarget(this.#lookKey, key)
    this.#lookKey = key
    this.#fonts?.watch(look.fontFamily)
    if (isChanged) this.#drawAgain()
  }

  async play(): Promise<void> {
    await this.#player?.play()
  }

  async pause(): Promise<void> {
    await this.#player?.pause()
  }

  /** Goes to a time in seconds. */
  async seek(seconds: number): Promise<void> {
    await this.#player?.seek(seconds)
  }

  /** Seconds from the beginning. */
  get currentTime(): number {
    return this.#player?.getCurrentTime() ?? 0
  }

  /** Length in seconds, pauses cut down; `null` until it is there. */
  get duration(): number | null {
    return this.#player?.getDuration() ?? null
  }

  /** Loads again after it failed. */
  retry(): void {
    if (this.#source !== undefined && this.store.get().state === 'failed') void this.#load(this.#source)
  }

  async #load(source: PlayerSource): Promise<void> {
    this.#loading?.abort()
    const loading = new AbortController()
    this.#loading = loading
    this.store.set({ state: 'loading', error: null })
    try {
      refuseWithoutWasm()
      const [text, { createPlayer }] = await Promise.all([source.load(loading.signal), loadPlayer()])
      if (loading.signal.aborted) return
      const { cast, skipped } = parseAsciicast(text)
      this.#cast = cast
      this.#create = createPlayer
      const isEmpty = !hasOutput(this.#cast)
      this.store.set({ state: isEmpty ? 'empty' : 'ready' })
      if (skipped !== null) this.#events.onSkipped?.(skipped)
      if (!isEmpty) this.#draw(0, this.#look.autoPlay)
    } catch (error) {
      if (loading.signal.aborted) return
      const known = isCliscaleError(error) ? error : unexpected(error)
      this.store.set({ state: 'failed', error: known })
      this.#events.onError?.(known)
    }
  }

  /** At the place where it is. */
  #drawAgain(): void {
    if (this.#player !== undefined) this.#draw(this.#player.getCurrentTime(), this.#isPlaying)
  }

  #draw(startAt: number, autoPlay: boolean): void {
    this.#player?.dispose()
    this.#player = undefined
    if (this.#container === undefined || this.#cast === undefined) return
    const player = this.#create?.(this.#container, this.#cast, { ...this.#look, startAt, autoPlay })
    this.#player = player
    this.#isPlaying = autoPlay
    player?.addEventListener('playing', () => {
      this.#isPlaying = true
      this.#events.onPlay?.()
    })
    player?.addEventListener('pause', () => {
      this.#isPlaying = false
      this.#events.onPause?.()
    })
    player?.addEventListener('ended', () => {
      this.#isPlaying = false
      this.#events.onEnded?.()
    })
  }

  #forget(): void {
    this.#loading?.abort()
    this.#loading = undefined
    this.#player?.dispose()
    this.#player = undefined
    this.#cast = undefined
    this.#isPlaying = false
  }
}

async function loadPlayer(): Promise<typeof PlayerModule> {
  try {
    return await import('./player.ts')
  } catch (cause) {
    const message = 'The player could not be loaded.'
    throw new ConnectionError('CONNECTION_FAILED', message, { status: 0, retryable: true, cause })
  }
}

/** The smallest module that there is: its magic number and version. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)

/** Says what is wrong where the player itself would only show that something is. */
function refuseWithoutWasm(): void {
  try {
    void new WebAssembly.Module(EMPTY_MODULE)
  } catch (cause) {
    const message = 'This page does not allow WebAssembly, which the player needs.'
    const hint = "Add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy."
    throw new ForbiddenError('PLAYER_BLOCKED', message, { status: 0, retryable: false, hint, cause })
  }
}

function unexpected(cause: unknown): CliscaleError {
  const message = `The recording cannot be played: ${cause instanceof Error ? cause.message : String(cause)}`
  return new ConnectionError('CONNECTION_FAILED', message, { status: 0, retryable: true, cause })
}

import { type GroundState, reenter, scanGround } from './ground.ts'
import { Ring } from './ring.ts'
import { returnMemory } from '../memory.ts'
import type { Screen } from './screen.ts'
import { Shelf } from './shelf.ts'

/** Sizes of a history. */
export interface HistoryOptions {
  readonly ringBytes: number
  readonly scrollbackLines: number
  readonly columns: number
  readonly rows: number
  /** After so long without output, in milliseconds, the screen is put away and a flood's memory given back. Default 3,000. */
  readonly quietMs?: number
}

/** Bytes that rebuild the screen as it was at `offset`. */
export interface Snapshot {
  readonly offset: number
  readonly data: Buffer
  /** A full-screen program has the alternate screen. */
  readonly alternate: boolean
}

interface Resize {
  readonly offset: number
  readonly columns: number
  readonly rows: number
}

/** Room that is kept free of unparsed bytes: what may still be read after reading was told to stop. */
const RESERVE_BYTES = 262_144

const QUIET_MS = 3_000

/** How much is given to the screen at one time … */
const BATCH_BYTES = 262_144

/** … and in what pieces, as the emulator keeps a buffer of four times the largest piece. */
const PIECE_BYTES = 16_384

/**
 * Everything that a session has put out, as far as it is needed: the last bytes in a ring and what came before as a
 * screen. The screen follows late: it is fed only when the ring is about to lose bytes or a snapshot is wanted. A
 * session that never fills its ring never loads a terminal emulator.
 */
export class History {
  readonly ring: Ring
  readonly #shelf: Shelf
  readonly #quietMs: number
  readonly #onRoom: () => void
  readonly #resizes: Resize[] = []
  #appendedAt = 0
  #quiet: NodeJS.Timeout | undefined
  #parsed = 0
  #ground: GroundState = 'ground'
  #work: Promise<unknown> = Promise.resolve()
  #following = false

  /** @param onRoom called when reading may go on after `append` said false */
  constructor(options: HistoryOptions, onRoom: () => void) {
    this.#shelf = new Shelf(options)
    this.#quietMs = options.quietMs ?? QUIET_MS
    this.#onRoom = onRoom
    this.ring = new Ring(options.ringBytes)
  }

  /** True when nothing more may be appended until the screen has caught up. */
  get full(): boolean {
    return this.ring.head - this.#parsed > this.ring.capacity - RESERVE_BYTES
  }

  /** True while no emulator is held in memory. */
  get resting(): boolean {
    return this.#shelf.screen === undefined
  }

  /** Appends output. */
  append(chunk: Uint8Array): void {
    this.ring.append(chunk)
    this.#appendedAt = performance.now()
    // A rest that came in the middle of a sequence left the screen where it was.
    if (this.#shelf.screen !== undefined) this.#awaitQuiet()
    if (!this.#following && this.ring.head - this.#parsed > this.#threshold()) this.#follow()
  }

  /** The terminal has another size from here on. */
  resized(columns: number, rows: number): void {
    this.#resizes.push({ offset: this.ring.head, columns, rows })
  }

  /** The screen as of now, or as of the last place before where the stream may be cut. */
  async snapshot(): Promise<Snapshot> {
    return this.#queue(async () => {
      const { shelved } = this.#shelf
      const end = this.#cut()
      if (shelved !== undefined && end === this.#parsed && !this.#resizeDue()) {
        return { offset: this.#parsed, ...shelved }
      }
      const screen = await this.#open()
      await this.#feed(screen, end)
      this.#applyResizes(screen)
      const data = Buffer.from((await screen.serialize()) + reenter(this.#ground))
      return { offset: this.#parsed, data, alternate: screen.alternate }
    })
  }

  /** Frees the screen. */
  dispose(): void {
    clearTimeout(this.#quiet)
    this.#shelf.dispose()
  }

  #threshold(): number {
    return ((this.ring.capacity - RESERVE_BYTES) * 2) / 3
  }

  /** Feeds the screen until it is close behind. */
  #follow(): void {
    this.#following = true
    void this.#queue(async () => {
      const screen = await this.#open()
      while (this.ring.head - this.#parsed > this.#threshold() / 2) {
        await this.#feed(screen, Math.min(this.ring.head, this.#parsed + BATCH_BYTES))
        if (!this.full) this.#onRoom()
      }
      this.#following = false
    })
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work)
    this.#work = done.catch(() => {})
    return done
  }

  async #open(): Promise<Screen> {
    this.#awaitQuiet()
    return this.#shelf.take()
  }

  #awaitQuiet(): void {
    this.#quiet ??= setTimeout(() => this.#rest(), this.#quietMs).unref()
  }

  /** Puts the screen away once nothing has come for a while. */
  #rest(): void {
    const left = this.#appendedAt + this.#quietMs - performance.now()
    this.#quiet = left > 0 ? setTimeout(() => this.#rest(), left).unref() : undefined
    if (left > 0) return
    void this.#queue(async () => {
      const { screen } = this.#shelf
      if (screen === undefined) return
      await this.#feed(screen, this.#cut())
      this.#applyResizes(screen)
      if (this.#ground === 'ground') await this.#shelf.put()
      // In a turn of its own: what this one has at hand is no garbage yet.
      setImmediate(returnMemory)
    })
  }

  /** The last offset at which the stream may be cut; the end of what was parsed when no later one is known. */
  #cut(): number {
    let state = this.#ground
    let cut = this.#parsed
    for (let at = this.#parsed; at < this.ring.head;) {
      const view = this.ring.view(at, this.ring.head)
      const scan = scanGround(state, view)
      if (scan.lastGround >= 0) cut = at + scan.lastGround
      state = scan.state
      at += view.length
    }
    return cut
  }

  async #feed(screen: Screen, end: number): Promise<void> {
    while (this.#parsed < end) {
      this.#applyResizes(screen)
      const stop = Math.min(end, this.#resizes[0]?.offset ?? end)
      const pieces: Promise<void>[] = []
      for (let at = this.#parsed; at < stop;) {
        const view = this.ring.view(at, Math.min(stop, at + PIECE_BYTES))
        this.#ground = scanGround(this.#ground, view).state
        pieces.push(screen.write(view))
        at += view.length
      }
      await Promise.all(pieces)
      this.#parsed = stop
    }
  }

  #resizeDue(): boolean {
    return (this.#resizes[0]?.offset ?? Number.POSITIVE_INFINITY) <= this.#parsed
  }

  #applyResizes(screen: Screen): void {
    for (let resize = this.#resizes[0]; resize !== undefined; resize = this.#resizes[0]) {
      if (resize.offset > this.#parsed) return
      screen.resize(resize.columns, resize.rows)
      this.#resizes.shift()
    }
  }
}

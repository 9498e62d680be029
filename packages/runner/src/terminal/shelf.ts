import type { Screen, ScreenOptions } from './screen.ts'

/** A larger screen is not put away: turning it into bytes would cost more than half a second of a processor. */
const MOST_CELLS = 1_000_000

/** A screen as the bytes that rebuild it. */
export interface Shelved {
  readonly data: Buffer
  readonly alternate: boolean
  readonly columns: number
  readonly rows: number
}

/**
 * Keeps a session's screen: as an emulator while it is worked with, as the bytes that rebuild it in between. At 200
 * columns and 1,000 lines of scrollback the emulator's cells take 2.5 MB, the bytes of ordinary text a tenth of that.
 */
export class Shelf {
  readonly #options: ScreenOptions
  #screen: Screen | undefined
  #shelved: Shelved | undefined

  constructor(options: ScreenOptions) {
    this.#options = options
  }

  /** The screen if it is an emulator now. */
  get screen(): Screen | undefined {
    return this.#screen
  }

  /** The screen as bytes, until it is taken again. */
  get shelved(): Shelved | undefined {
    return this.#shelved
  }

  /** The emulator, made or rebuilt at need. */
  async take(): Promise<Screen> {
    if (this.#screen !== undefined) return this.#screen
    const { Screen } = await import('./screen.ts')
    const shelved = this.#shelved
    const screen = new Screen({
      ...this.#options,
      ...(shelved && { columns: shelved.columns, rows: shelved.rows }),
    })
    if (shelved !== undefined) await screen.write(shelved.data)
    this.#shelved = undefined
    this.#screen = screen
    return screen
  }

  /**
   * Puts the emulator away. It must be between two sequences, and nobody may work with it until the promise is fulfilled:
   * with true if its memory is free now.
   */
  async put(): Promise<boolean> {
    const screen = this.#screen
    if (screen === undefined || screen.cells > MOST_CELLS) return false
    const { alternate, columns, rows } = screen
    this.#shelved = { data: Buffer.from(await screen.serialize()), alternate, columns, rows }
    this.dispose()
    return true
  }

  /** Frees the emulator. */
  dispose(): void {
    this.#screen?.dispose()
    this.#screen = undefined
  }
}

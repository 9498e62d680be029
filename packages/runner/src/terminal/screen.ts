import { SerializeAddon } from '@xterm/addon-serialize'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import headless from '@xterm/headless'

import { type Core, supplement } from './supplement.ts'

/** Sizes of a screen. */
export interface ScreenOptions {
  readonly columns: number
  readonly rows: number
  readonly scrollbackLines: number
}

/**
 * A terminal without a display (`@xterm/headless`), fed with what the PTY puts out, so that a client that lacks too much
 * can be given the screen instead. Its answers to terminal queries go nowhere: a client's terminal gives them, and while
 * none is attached nobody does, as a late or second answer would be typed into the program as junk.
 *
 * This module is the only one that loads the emulator (about 20 ms and 7 MB), so import it when it is needed.
 */
export class Screen {
  readonly #terminal: InstanceType<typeof headless.Terminal>
  readonly #serializer: SerializeAddon

  constructor(options: ScreenOptions) {
    this.#terminal = new headless.Terminal({
      cols: Math.max(2, options.columns),
      rows: options.rows,
      scrollback: options.scrollbackLines,
      allowProposedApi: true,
      logLevel: 'off',
    })
    this.#serializer = new SerializeAddon()
    this.#terminal.loadAddon(this.#serializer)
    this.#terminal.loadAddon(new Unicode11Addon())
    this.#terminal.unicode.activeVersion = '11'
  }

  /** True while a full-screen program shows the alternate screen. */
  get alternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate'
  }

  /** Parses `bytes`, which must not change until the promise is fulfilled. */
  async write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve))
  }

  /** Sets the size; lines are wrapped anew. */
  resize(columns: number, rows: number): void {
    this.#terminal.resize(Math.max(2, columns), rows)
  }

  /** What rebuilds scrollback, screen, cursor and modes in a fresh terminal of the same size. */
  serialize(): string {
    const normal = this.#serializer.serialize({ excludeAltBuffer: true, excludeModes: true })
    const both = this.#serializer.serialize({ excludeModes: true })
    const all = this.#serializer.serialize()
    const alternate = both.slice(normal.length)
    const modes = all.slice(both.length)
    // The alternate screen is serialized as if it began with no colour set.
    const content = alternate === '' ? normal : `${normal}\x1b[0m${alternate}`
    return content + modes + supplement((this.#terminal as unknown as { readonly _core: Core })._core)
  }

  /** Frees its memory. */
  dispose(): void {
    this.#terminal.dispose()
  }
}

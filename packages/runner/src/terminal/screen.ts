import { countCells } from '@cliscale/sdk/protocol'
import { Unicode11Addon } from '@xterm/addon-unicode11'
import headless from '@xterm/headless'

import { RowPool } from '../xterm-inside/row-pool.ts'
import { snapshot } from '../xterm-inside/snapshot.ts'

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
  readonly #rows: RowPool

  constructor(options: ScreenOptions) {
    this.#terminal = new headless.Terminal({
      cols: Math.max(2, options.columns),
      rows: options.rows,
      scrollback: options.scrollbackLines,
      allowProposedApi: true,
      logLevel: 'off',
    })
    countCells(this.#terminal, new Unicode11Addon())
    this.#rows = new RowPool(this.#terminal)
  }

  /** True while a full-screen program shows the alternate screen. */
  get alternate(): boolean {
    return this.#terminal.buffer.active.type === 'alternate'
  }

  get columns(): number {
    return this.#terminal.cols
  }

  get rows(): number {
    return this.#terminal.rows
  }

  /** Cells of both screens and the scrollback: what its memory and the time to serialize it grow with. */
  get cells(): number {
    const { normal, alternate } = this.#terminal.buffer
    return (normal.length + alternate.length) * this.#terminal.cols
  }

  /** Parses `bytes`, which must not change until the promise is fulfilled. */
  async write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(bytes, resolve))
  }

  /** Sets the size; lines are wrapped anew. */
  resize(columns: number, rows: number): void {
    const wide = Math.max(2, columns)
    this.#rows.resizing(wide, () => this.#terminal.resize(wide, rows))
  }

  /**
   * What rebuilds scrollback, screen, cursor and modes in a fresh terminal of the same size. Takes several turns of the
   * event loop, during which nothing may be written and no size set.
   */
  async serialize(): Promise<string> {
    return await snapshot(this.#terminal)
  }

  /** Frees its memory. */
  dispose(): void {
    this.#terminal.dispose()
  }
}

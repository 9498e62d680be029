/**
 * Knows whether the bytes that the terminal parses just now repeat the past. They were written long before they are
 * parsed, but they are parsed in order, so the oldest piece that is not done tells.
 */
export class ReplayWindow {
  readonly #unparsed: boolean[] = []

  /** True while the past is being parsed. */
  get open(): boolean {
    return this.#unparsed[0] === true
  }

  /** A piece is about to be written. */
  wrote(replay: boolean): void {
    this.#unparsed.push(replay)
  }

  /** The oldest piece is parsed. */
  parsed(): void {
    this.#unparsed.shift()
  }
}

import type { DestinationStream } from 'pino'

/** Lines wait at most so long. */
const GATHER_MS = 50

/** So many characters are passed on at once. */
const GATHER_LENGTH = 16_384

/**
 * Gathers lines and passes them on together, within 50 ms: a write for each costs several times what the line does, and
 * what is made of them below (a string's length in bytes, a system call, the wake of a thread) costs by the call.
 */
export class LineBuffer implements DestinationStream {
  readonly #out: DestinationStream
  #lines = ''
  #timer: NodeJS.Timeout | undefined

  constructor(out: DestinationStream) {
    this.#out = out
  }

  write(line: string): void {
    this.#lines += line
    if (this.#lines.length >= GATHER_LENGTH) this.passOn()
    else this.#timer ??= setTimeout(() => this.passOn(), GATHER_MS).unref()
  }

  /** Passes on what waits. */
  passOn(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lines = this.#lines
    this.#lines = ''
    if (lines !== '') this.#out.write(lines)
  }
}

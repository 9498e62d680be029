import type { DestinationStream } from 'pino'

/** Lines of a worker are passed on together, within this time. */
const GATHER_MS = 50

/**
 * Passes what a process prints on to `out` in whole lines: the lines of several processes are not mixed up, as they
 * would be if all wrote to the same pipe.
 */
export function linesTo(out: DestinationStream): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    const end = chunk.lastIndexOf(0x0a) + 1
    const whole = Buffer.concat([rest, chunk.subarray(0, end)])
    if (end > 0) out.write(whole.toString())
    rest = end > 0 ? Buffer.from(chunk.subarray(end)) : Buffer.concat([rest, chunk])
  }
}

/** The other end: the standard output of a worker, which must not fail when nobody reads it any more. */
export class WorkerOutput implements DestinationStream {
  #lines = ''
  #timer: NodeJS.Timeout | undefined

  constructor() {
    process.stdout.on('error', () => undefined)
  }

  write(line: string): void {
    this.#lines += line
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref()
  }

  /** Writes what waits. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#lines !== '') process.stdout.write(this.#lines)
    this.#lines = ''
  }
}

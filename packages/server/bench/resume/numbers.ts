import { createHash, type Hash } from 'node:crypto'

/** Bytes of one numbered line. */
export const LINE_BYTES = 8

/** The line of a number: seven digits and a line feed. */
export function line(number: number): string {
  return `${String(number).padStart(LINE_BYTES - 1, '0')}\n`
}

/** What one end saw of a numbered stream. */
export interface Seen {
  readonly bytes: number
  readonly digest: string
}

/** Takes the digest of a stream as it passes. */
export class Watch {
  readonly #hash: Hash = createHash('sha256')
  bytes = 0

  add(data: Uint8Array): void {
    this.#hash.update(data)
    this.bytes += data.length
  }

  get seen(): Seen {
    return { bytes: this.bytes, digest: this.#hash.copy().digest('hex') }
  }
}

/** What the first `bytes` of the numbered stream look like. */
export function numbered(bytes: number): Seen {
  const watch = new Watch()
  const lines = Math.ceil(bytes / LINE_BYTES)
  const text = Buffer.from(Array.from({ length: lines }, (_, number) => line(number)).join(''))
  watch.add(text.subarray(0, bytes))
  return watch.seen
}

/** True when somebody saw the whole numbered stream of which `bytes` were sent, none missing and none twice. */
export function isWhole(seen: Seen | undefined, bytes: number): boolean {
  return seen !== undefined && seen.bytes === bytes && seen.digest === numbered(bytes).digest
}

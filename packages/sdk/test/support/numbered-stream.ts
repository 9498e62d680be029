import { createHash, type Hash } from 'node:crypto'

/** A shell command that waits for a key and then writes lines of eight bytes, with no change by the terminal. */
export function numberedStreamScript(lines: number): string {
  return `stty raw -echo; echo ready; head -c 1 > /dev/null; seq -f %07.0f 1 ${lines}`
}

/** SHA-256 of what {@link numberedStreamScript} writes. */
export function numberedStreamDigest(lines: number): string {
  const hash = createHash('sha256')
  for (let from = 1; from <= lines; from += 10_000) {
    let block = ''
    for (let line = from; line < from + 10_000 && line <= lines; line += 1) {
      block += `${String(line).padStart(7, '0')}\n`
    }
    hash.update(block)
  }
  return hash.digest('hex')
}

/** Takes a digest of bytes as they come. */
export class ByteDigest {
  bytes = 0
  readonly #hash: Hash = createHash('sha256')

  add(data: Uint8Array): void {
    this.bytes += data.length
    this.#hash.update(data)
  }

  hex(): string {
    return this.#hash.digest('hex')
  }
}

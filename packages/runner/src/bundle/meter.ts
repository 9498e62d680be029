import type { UnpackLimits } from './limits.ts'
import { Refused } from './refusals.ts'

/** What a tar archive may hold beside its files, for each entry: headers, long names, padding. */
const OVERHEAD_BYTES = 8_192

/** Counts what really comes out of an archive, whatever the archive says of it. */
export class Meter {
  readonly #limits: UnpackLimits
  /** Bytes of the archive that were read for what came out so far. */
  readonly #packed: () => number
  #unpacked = 0
  #entry = { path: '', unpacked: 0, packedBefore: 0 }

  constructor(limits: UnpackLimits, packed: () => number) {
    this.#limits = limits
    this.#packed = packed
  }

  /** An entry begins. */
  begin(path: string): void {
    this.#entry = { path, unpacked: 0, packedBefore: this.#packed() }
  }

  /** Bytes of the entry came out. @throws {Refused} */
  add(bytes: number): void {
    this.#entry.unpacked += bytes
    const packed = this.#packed() - this.#entry.packedBefore
    if (this.#isTooMuch(this.#entry.unpacked, packed)) throw new Refused('entry-ratio', this.#entry.path)
  }

  /** Bytes came out, of an entry or between entries. @throws {Refused} */
  addToAll(bytes: number): void {
    this.#unpacked += bytes
    if (this.#isTooMuch(this.#unpacked, this.#packed())) throw new Refused('ratio')
    if (this.#unpacked > this.#limits.bytes + this.#limits.entries * OVERHEAD_BYTES)
      throw new Refused('bytes')
  }

  #isTooMuch(unpacked: number, packed: number): boolean {
    return unpacked > this.#limits.ratioFreeBytes && unpacked > packed * this.#limits.ratio
  }
}

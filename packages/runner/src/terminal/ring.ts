const FIRST_BYTES = 16_384

/**
 * The last bytes of a stream, addressed by their offset in the whole stream. Memory is taken as it fills, doubling up to
 * the capacity, so that a quiet session costs next to nothing.
 */
export class Ring {
  readonly capacity: number
  #bytes: Buffer
  #head = 0
  #memo: { readonly from: number; readonly to: number; readonly frame: Buffer } | undefined

  constructor(capacity: number) {
    this.capacity = capacity
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(FIRST_BYTES, capacity))
  }

  /** Offset after the last byte: how many bytes were ever appended. */
  get head(): number {
    return this.#head
  }

  /** Offset of the oldest byte that is still there. */
  get tail(): number {
    return Math.max(0, this.#head - this.capacity)
  }

  /** Appends a copy of `chunk`; the oldest bytes fall out beyond the capacity. */
  append(chunk: Uint8Array): void {
    if (this.#bytes.length < this.capacity) this.#grow(this.#head + chunk.length)
    const kept = chunk.length > this.capacity ? chunk.subarray(chunk.length - this.capacity) : chunk
    const at = (this.#head + chunk.length - kept.length) % this.#bytes.length
    const first = Math.min(kept.length, this.#bytes.length - at)
    this.#bytes.set(kept.subarray(0, first), at)
    if (first < kept.length) this.#bytes.set(kept.subarray(first), 0)
    this.#head += chunk.length
    this.#memo = undefined
  }

  /** A view of the bytes from `from` on, at most to `to`, shorter where the ring wraps. Valid until they fall out. */
  view(from: number, to: number): Uint8Array {
    const at = from % this.#bytes.length
    return this.#bytes.subarray(at, Math.min(at + to - from, this.#bytes.length))
  }

  /** `opcode` and the bytes `from`…`to` as one message. Clients at the same offset share it. */
  frame(opcode: number, from: number, to: number): Buffer {
    if (this.#memo?.from === from && this.#memo.to === to) return this.#memo.frame
    const frame = Buffer.allocUnsafe(1 + to - from)
    frame[0] = opcode
    const first = this.view(from, to)
    frame.set(first, 1)
    if (first.length < to - from) frame.set(this.view(from + first.length, to), 1 + first.length)
    this.#memo = { from, to, frame }
    return frame
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return
    let size = this.#bytes.length
    while (size < needed && size < this.capacity) size = Math.min(this.capacity, size * 2)
    const larger = Buffer.allocUnsafeSlow(size)
    // Nothing has wrapped yet: below the capacity, offset and position are the same.
    larger.set(this.#bytes.subarray(0, this.#head))
    this.#bytes = larger
  }
}

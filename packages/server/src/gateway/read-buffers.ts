/** Bytes of one read: as much as libuv asks for. */
const READ_BYTES = 65_536

/** A read of at least so much tells of a flood; a socket that is flooded gets a buffer of its own. */
const FLOOD_BYTES = 32_768

/** Most buffers that are kept for the next flood. */
const MAX_SPARE = 16

/**
 * Buffers that runners' sockets are read into (`onread` of `net.connect`). Node would otherwise allocate 64 KiB for
 * every read, and the garbage that this makes costs more than all the rest of the data path. Idle sockets share one
 * buffer, out of which what was read is copied at once; a socket that is flooded reads into its own, which is passed on
 * without copying.
 */
export class ReadBuffers {
  private readonly shared = Buffer.allocUnsafeSlow(READ_BYTES)
  private readonly spare: Buffer[] = []
  private slab = Buffer.allocUnsafeSlow(READ_BYTES)
  private slabUsed = 0
  private next: Buffer = this.shared

  /**
   * What Node shall read into: asked for once when a socket is made, and again after each read of a socket. A choice
   * holds for the socket that was just read; the next that asks without a read is a new one.
   */
  readonly choose = (): Buffer => {
    const { next } = this
    this.next = this.shared
    return next
  }

  /**
   * What was just read, to be passed on. The socket goes on with the same buffer unless {@link passed} says otherwise.
   */
  take(buffer: Buffer, length: number): Buffer {
    this.next = buffer
    if (buffer !== this.shared) return length === buffer.length ? buffer : buffer.subarray(0, length)
    if (length >= FLOOD_BYTES) this.next = this.spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES)
    return this.copy(length)
  }

  /**
   * What was taken was passed on: `pending` when the receiving socket still holds it, `stopped` when nothing is read
   * before the receiver has taken all.
   */
  passed(
    buffer: Buffer,
    length: number,
    state: { readonly pending: boolean; readonly stopped: boolean },
  ): void {
    if (buffer === this.shared) return
    if (state.pending) {
      if (!state.stopped) this.next = Buffer.allocUnsafeSlow(READ_BYTES)
    } else if (length < FLOOD_BYTES) {
      if (this.spare.length < MAX_SPARE) this.spare.push(buffer)
      this.next = this.shared
    }
  }

  /** Copies the beginning of the shared buffer into a slab that many small reads share. */
  private copy(length: number): Buffer {
    if (this.slabUsed + length > READ_BYTES) {
      this.slab = Buffer.allocUnsafeSlow(READ_BYTES)
      this.slabUsed = 0
    }
    const from = this.slabUsed
    this.slabUsed += length
    this.shared.copy(this.slab, from, 0, length)
    return this.slab.subarray(from, this.slabUsed)
  }
}

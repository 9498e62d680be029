import { writeSync } from 'node:fs'

const RETRY_MS = { first: 1, longest: 32 } as const

interface Item {
  readonly bytes: Buffer
  readonly written: () => void
  offset: number
}

/**
 * Writes input to a PTY in order, never more than the kernel takes. The descriptor is non-blocking; while a program
 * does not read its input, the rest waits here and is tried again after 1 to 32 ms, for Node cannot wait until a
 * descriptor of this kind is writable.
 */
export class InputQueue {
  readonly #fd: number
  readonly #items: Item[] = []
  #timer: NodeJS.Timeout | undefined
  #delay: number = RETRY_MS.first
  #closed = false
  #pendingBytes = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Bytes that the kernel has not taken yet. */
  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** Queues a copy of `bytes`; `written` is called when the kernel has taken all of them, at once if possible. */
  push(bytes: Uint8Array, written: () => void): void {
    if (this.#closed) return
    const idle = this.#items.length === 0
    this.#items.push({ bytes: Buffer.from(bytes), offset: 0, written })
    this.#pendingBytes += bytes.length
    if (idle) this.#drain()
  }

  /** Drops what is left and takes no more. */
  close(): void {
    this.#closed = true
    this.#items.length = 0
    this.#pendingBytes = 0
    clearTimeout(this.#timer)
  }

  #drain(): void {
    for (let item = this.#items[0]; item !== undefined && !this.#closed; item = this.#items[0]) {
      if (!this.#write(item)) {
        this.#retry()
        return
      }
      this.#items.shift()
      item.written()
    }
  }

  /** True when the item is done. */
  #write(item: Item): boolean {
    while (item.offset < item.bytes.length) {
      const taken = tryWrite(this.#fd, item.bytes.subarray(item.offset))
      if (taken === 'gone') {
        this.close()
        return false
      }
      if (taken === 0) return false
      item.offset += taken
      this.#pendingBytes -= taken
      this.#delay = RETRY_MS.first
    }
    return true
  }

  #retry(): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => this.#drain(), this.#delay)
    this.#delay = Math.min(RETRY_MS.longest, this.#delay * 2)
  }
}

/** Bytes taken, 0 when the kernel's queue is full, `gone` when nobody can read any more. */
function tryWrite(fd: number, bytes: Buffer): number | 'gone' {
  try {
    return writeSync(fd, bytes)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'EAGAIN' || code === 'EINTR') return 0
    if (code === 'EIO' || code === 'EBADF') return 'gone'
    throw error
  }
}

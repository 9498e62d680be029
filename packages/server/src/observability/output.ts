import { constants, fstatSync, openSync, write, writeSync } from 'node:fs'
import type { DestinationStream } from 'pino'

/** So many bytes wait for a reader that does not take them; lines beyond are dropped. */
const MAX_WAITING_BYTES = 16_777_216

/** A full pipe or terminal is tried again after so long. */
const RETRY_MS = 20

/** At the end of the process a reader that does not read is waited for at most so long. */
const END_WITHIN_MS = 250

const NEWLINE = 0x0a

/** Why lines were dropped: their write failed, or the reader is too far behind. */
export const LOSSES = ['failed', 'behind'] as const

/** One of {@link LOSSES}. */
export type LossReason = (typeof LOSSES)[number]

/** What is told when lines can be written again. */
export interface Loss {
  readonly lines: number
  /** The system's code of the last failed write, such as `ENOSPC`, or `behind`. */
  readonly reason: string
}

/**
 * Writes lines to a descriptor that may fail or stall: a full disk, a closed pipe, a terminal that went. What cannot be
 * written is dropped and counted; nothing is thrown, nothing waits for the reader, and the end of the process is held
 * up by a moment at most. Each later write tries again.
 */
export class Output implements DestinationStream {
  /** Lines dropped so far. */
  readonly dropped: Record<LossReason, number> = { failed: 0, behind: 0 }
  /** Told once after lines were dropped, as soon as a write succeeds. */
  onBack: (loss: Loss) => void = () => undefined

  readonly #descriptor: number
  /** False where a write returns at once in every case. */
  readonly #blocks: boolean
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #busy = false
  #ended = false
  #retry: NodeJS.Timeout | undefined
  /** Lines dropped that nobody was told of. */
  #untold = 0
  #reason = ''
  /** True when the last byte written does not end a line. */
  #insideLine = false
  /** True when the rest of that line was dropped. */
  #torn = false

  constructor(descriptor = 1) {
    const { fd, blocks } = withoutBlocking(descriptor)
    this.#descriptor = fd
    this.#blocks = blocks
  }

  write(lines: string): void {
    const bytes = Buffer.from(lines)
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) return this.#drop(bytes, 'behind', 'behind')
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#pump()
  }

  /** Writes what waits, for the listener of the process's `exit`: nothing runs after it. */
  end(): void {
    this.#ended = true
    const deadline = performance.now() + END_WITHIN_MS
    while (this.#waiting.length > 0) {
      this.#writeNow()
      if (this.#waiting.length === 0 || performance.now() >= deadline) return
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS)
    }
  }

  #pump(): void {
    if (this.#busy || this.#retry !== undefined) return
    if (this.#blocks) this.#writeApart()
    else this.#writeNow()
    if (this.#waiting.length > 0 && !this.#busy)
      this.#retry = setTimeout(() => {
        this.#retry = undefined
        this.#pump()
      }, RETRY_MS).unref()
  }

  /** In this thread, until all is written or the descriptor takes no more. */
  #writeNow(): void {
    while (this.#waiting.length > 0) {
      const bytes = this.#take()
      try {
        if (this.#wrote(bytes, writeSync(this.#descriptor, bytes))) return
      } catch (error) {
        if (this.#failed(bytes, error)) return
      }
    }
  }

  /** In another thread, because the write may have to wait for a disk. */
  #writeApart(): void {
    if (this.#waiting.length === 0) return
    const bytes = this.#take()
    this.#busy = true
    write(this.#descriptor, bytes, (error, written) => {
      this.#busy = false
      if (this.#ended) return
      if (error === null) this.#wrote(bytes, written)
      else this.#failed(bytes, error)
      this.#pump()
    })
  }

  #take(): Buffer {
    const torn = this.#torn ? [Buffer.from('\n')] : []
    const bytes = Buffer.concat([...torn, ...this.#waiting])
    this.#torn = false
    this.#waiting = []
    this.#waitingBytes = 0
    return bytes
  }

  #giveBack(bytes: Buffer): void {
    this.#waiting.unshift(bytes)
    this.#waitingBytes += bytes.length
  }

  /** True when the descriptor took only a part. */
  #wrote(bytes: Buffer, written: number): boolean {
    if (written > 0) this.#insideLine = bytes[written - 1] !== NEWLINE
    if (written > 0) this.#tell()
    if (written === bytes.length) return false
    this.#giveBack(bytes.subarray(written))
    return true
  }

  /** True when the write is to be tried again later. */
  #failed(bytes: Buffer, error: unknown): boolean {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'EAGAIN' || code === 'EINTR') {
      this.#giveBack(bytes)
      return true
    }
    this.#torn = this.#insideLine
    this.#drop(bytes, 'failed', code)
    return false
  }

  #drop(bytes: Buffer, kind: LossReason, reason: string): void {
    const lines = countLines(bytes)
    this.dropped[kind] += lines
    this.#untold += lines
    this.#reason = reason
  }

  #tell(): void {
    if (this.#untold === 0) return
    const loss = { lines: this.#untold, reason: this.#reason }
    this.#untold = 0
    // Later, because it writes.
    queueMicrotask(() => this.onBack(loss))
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1
  return lines
}

/**
 * The same output in a way that a write to it never waits, where the system has one. A description of our own is
 * opened, because the one that was inherited is shared with other processes, which do not expect such a descriptor.
 */
function withoutBlocking(fd: number): { readonly fd: number; readonly blocks: boolean } {
  try {
    const kind = fstatSync(fd)
    if (kind.isSocket()) {
      // Node puts a socket into this mode when it makes the stream.
      void (fd === 1 ? process.stdout : process.stderr)
      return { fd, blocks: false }
    }
    if (process.platform === 'linux' && (kind.isFIFO() || kind.isCharacterDevice())) {
      const { O_NOCTTY, O_NONBLOCK, O_WRONLY } = constants
      return { fd: openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY), blocks: false }
    }
  } catch {
    // Not allowed, or nobody at the other end: the first write says so.
  }
  return { fd, blocks: true }
}

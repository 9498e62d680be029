import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Text waits at most this long before it is written. */
const FLUSH_MS = 500

/** So many bytes are written without waiting. */
const FLUSH_BYTES = 65_536

/** Nothing more may come while so many bytes wait for a slow disk. */
const FULL_BYTES = 1_048_576

/** What the file of a recording tells. */
export interface RecordingFileEvents {
  /** More may come after it was full. */
  readonly room: () => void
  /** The disk failed; nothing more is written. */
  readonly failed: (error: unknown) => void
}

/**
 * A file that only grows, by whole lines: what it says is written ends at a line's end. One write is under way at a
 * time; what comes meanwhile waits, up to a bound. After a crash the last line may be torn.
 */
export class RecordingFile {
  readonly #path: string
  readonly #events: RecordingFileEvents
  #handle: Promise<FileHandle>
  #waiting: string[] = []
  #waitingBytes = 0
  #writtenBytes = 0
  #timer: NodeJS.Timeout | undefined
  #work: Promise<void> | undefined
  #failed = false

  /** @param path a file that does not exist yet, in a folder that only this user may enter */
  constructor(path: string, events: RecordingFileEvents) {
    this.#path = path
    this.#events = events
    const { O_WRONLY, O_CREAT, O_EXCL, O_APPEND } = constants
    this.#handle = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0o600)
    this.#handle.catch((error: unknown) => this.#fail(error))
  }

  /** Where it is. */
  get path(): string {
    return this.#path
  }

  /** Bytes of whole lines that are in the file. */
  get writtenBytes(): number {
    return this.#writtenBytes
  }

  /** True while nothing more should come. */
  get full(): boolean {
    return this.#waitingBytes >= FULL_BYTES
  }

  /** Adds whole lines. */
  append(lines: string): void {
    if (this.#failed || lines === '') return
    this.#waiting.push(lines)
    this.#waitingBytes += Buffer.byteLength(lines)
    if (this.#waitingBytes >= FLUSH_BYTES) void this.flush()
    else this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref()
  }

  /** Resolves when everything that was added before is in the file, or the disk has failed. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#work ??= this.#drain()
    await this.#work
  }

  /** Writes what waits and closes the file. */
  async close(): Promise<void> {
    await this.flush()
    const handle = await this.#handle.catch(() => undefined)
    await handle?.close().catch((error: unknown) => this.#fail(error))
  }

  async #drain(): Promise<void> {
    try {
      const handle = await this.#handle
      while (this.#waiting.length > 0) await this.#writeBatch(handle)
    } catch (error) {
      this.#fail(error)
    } finally {
      // In the same turn as the last look at what waits, so that nothing can be added unseen.
      this.#work = undefined
    }
  }

  async #writeBatch(handle: FileHandle): Promise<void> {
    const batch = Buffer.from(this.#waiting.join(''))
    this.#waiting = []
    for (let at = 0; at < batch.length;) at += (await handle.write(batch, at)).bytesWritten
    this.#writtenBytes += batch.length
    // It may have become full while this was written.
    const wasFull = this.full
    this.#waitingBytes -= batch.length
    if (wasFull && !this.full) this.#events.room()
  }

  #fail(error: unknown): void {
    if (this.#failed) return
    this.#failed = true
    const wasFull = this.full
    clearTimeout(this.#timer)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#events.failed(error)
    if (wasFull) this.#events.room()
  }
}

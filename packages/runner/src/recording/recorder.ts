import { RECORDING_CUT_LABEL, type RecordingOrder, type SessionExit } from '@cliscale/sdk/protocol'

import type { Log } from '../log.ts'
import type { Size } from '../terminal/sizer.ts'
import { AsciicastWriter } from './asciicast.ts'
import { RecordingFile } from './recording-file.ts'

/** Room that is kept for the marker and the exit when the limit is reached. */
const RESERVE_BYTES = 512

/** What a recorder is told to do. */
export interface RecorderOptions extends Size {
  readonly order: RecordingOrder
  /** File to make. */
  readonly path: string
  /** TERM of the session. */
  readonly type: string
  readonly title: string
  readonly log: Log
  /** More output may come after `full` was true. */
  readonly room: () => void
}

/** Where a recording is: it grows, has its end, or met a disk that failed. */
export type RecorderState = 'open' | 'complete' | 'failed'

/**
 * Writes a session down: every byte of output, sizes, the exit, and input only where that was asked for. Whatever the
 * disk does, the session goes on; a slow one holds the program's output like a full ring does.
 */
export class Recorder {
  readonly #options: RecorderOptions
  readonly #writer: AsciicastWriter
  readonly #file: RecordingFile
  #size: Size
  #beganAt: number | undefined
  #bytes = 0
  #state: RecorderState = 'open'
  #truncated = false
  #ending: Promise<void> | undefined

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#size = options
    this.#writer = new AsciicastWriter(options.order.mode)
    this.#file = new RecordingFile(options.path, {
      room: options.room,
      failed: (error) => this.#failed(error),
    })
  }

  /** Where the recording is. */
  get state(): RecorderState {
    return this.#state
  }

  /** True while the disk is behind and output must wait. */
  get full(): boolean {
    return this.#file.full
  }

  /** Bytes of whole lines that can be read from {@link path}. */
  get writtenBytes(): number {
    return this.#file.writtenBytes
  }

  /** The file. */
  get path(): string {
    return this.#file.path
  }

  /** The clock starts: the command runs, or the first line is shown. */
  begin(): void {
    if (this.#beganAt !== undefined) return
    this.#beganAt = performance.now()
    const { type, title } = this.#options
    this.#write(this.#writer.head({ ...this.#size, type, title, startedAtMs: Date.now() }))
  }

  /** The session printed. */
  output(chunk: Uint8Array): void {
    this.begin()
    this.#add((atMs) => this.#writer.output(chunk, atMs))
  }

  /** Somebody typed. */
  input(chunk: Uint8Array): void {
    if (this.#options.order.mode !== 'output-and-input') return
    this.begin()
    this.#add((atMs) => this.#writer.input(chunk, atMs))
  }

  /** The terminal has another size from here on. */
  resize(size: Size): void {
    this.#size = size
    if (this.#beganAt !== undefined) this.#add((atMs) => this.#writer.resize(size, atMs))
  }

  /** The session is over. Resolves when all of it is in the file, or the disk has failed. */
  async end(exit: SessionExit): Promise<void> {
    this.#ending ??= this.#end(exit)
    await this.#ending
  }

  /** Resolves when everything so far is in the file, and once the session is over, when that is all. */
  async flush(): Promise<void> {
    await (this.#ending ?? this.#file.flush())
  }

  async #end({ code }: SessionExit): Promise<void> {
    this.begin()
    this.#add((atMs) => this.#writer.rest(atMs))
    if (code !== null) this.#write(this.#writer.exit(code, this.#now))
    await this.#file.close()
    if (this.#state === 'open') this.#state = 'complete'
  }

  get #now(): number {
    return performance.now() - (this.#beganAt ?? 0)
  }

  #add(make: (atMs: number) => string): void {
    if (this.#truncated || this.#ending !== undefined || this.#state !== 'open') return
    const before = this.#writer.lastMs
    const lines = make(this.#now)
    if (this.#bytes + Buffer.byteLength(lines) <= this.#options.order.maxBytes - RESERVE_BYTES) {
      this.#write(lines)
      return
    }
    this.#truncated = true
    this.#writer.lastMs = before
    this.#options.log.warn('the recording is cut at its limit', { bytes: this.#bytes })
    this.#write(this.#writer.marker(RECORDING_CUT_LABEL, this.#now))
  }

  #write(lines: string): void {
    this.#bytes += Buffer.byteLength(lines)
    this.#file.append(lines)
  }

  #failed(error: unknown): void {
    this.#state = 'failed'
    const reason = error instanceof Error ? error.message : String(error)
    this.#options.log.error('the recording ends here: its file cannot be written', { reason })
  }
}

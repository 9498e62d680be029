import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { SessionInfo } from '@cliscale/sdk/protocol'
import { CodedError } from '../../http/coded-error.ts'
import { recordingKey, type RecordingStorage } from '../../recordings/storage.ts'
import type { OpenRecording } from '../../store/recordings.ts'
import type { Parts } from '../parts.ts'
import { readRecording, type RecordingPart, type RunnerTarget } from '../runner-client.ts'
import { runnerOf } from './runner-of.ts'
import type { Spool } from './spool.ts'

/** A runner that has not begun to answer by then does not; how long a client takes to read is its own affair. */
const ANSWER_WITHIN_MS = 10_000

/** A recording as it can be had now. */
export interface AvailableRecording {
  /** False while more will follow. */
  readonly complete: boolean
  /** Size; null while more will follow. */
  readonly bytes: number | null
  readonly body: Readable
}

/** What the library works with. */
export interface LibraryOptions {
  readonly parts: Parts
  readonly storage: RecordingStorage
  readonly spool: Spool
  /** Limit of one recording. */
  readonly maxBytes: number
}

/** Hands recordings out and deletes them. */
export class RecordingLibrary {
  readonly #options: LibraryOptions

  constructor(options: LibraryOptions) {
    this.#options = options
  }

  /**
   * A finished recording from the storage, a growing one as it is now from its runner. The body must be read or
   * destroyed.
   *
   * @throws {CodedError} `RECORDING_NOT_FOUND`, `RECORDING_UNAVAILABLE`
   */
  async open({ id, recording }: SessionInfo): Promise<AvailableRecording> {
    if (recording === null) throw new CodedError('RECORDING_NOT_FOUND')
    const open =
      recording.state === 'recording' ? await this.#options.parts.store.recordings.findOpen(id) : null
    if (open !== null) return this.#growing(open)
    const stored = await this.#asked(this.#options.storage.read(recordingKey(id)))
    if (stored === null)
      throw new CodedError('RECORDING_NOT_FOUND', 'Nothing of the recording could be kept.')
    return { ...stored, complete: true }
  }

  /**
   * Size of what {@link open} gives, without reading it.
   *
   * @throws {CodedError} as {@link open}
   */
  async size({ id, recording }: SessionInfo): Promise<Omit<AvailableRecording, 'body'>> {
    if (recording === null) throw new CodedError('RECORDING_NOT_FOUND')
    if (recording.state === 'recording') return { complete: false, bytes: null }
    const bytes = await this.#asked(this.#options.storage.size(recordingKey(id)))
    if (bytes === null) throw new CodedError('RECORDING_NOT_FOUND', 'Nothing of the recording could be kept.')
    return { complete: true, bytes }
  }

  /**
   * Deletes a recording, wherever it is. The session goes on; what it prints from now on is not kept.
   *
   * @throws {CodedError} `RECORDING_NOT_FOUND`, `RECORDING_UNAVAILABLE`
   */
  async remove(sessionId: string): Promise<void> {
    const { parts, storage, spool } = this.#options
    const key = recordingKey(sessionId)
    const open = await parts.store.recordings.findOpen(sessionId)
    // The file before the row: a row without a file can be deleted again, a file without a row would stay for ever.
    await this.#asked(storage.remove(key))
    if (!(await parts.store.recordings.forget(sessionId))) throw new CodedError('RECORDING_NOT_FOUND')
    if (open === null) return
    // It may have been stored between the two.
    await this.#asked(storage.remove(key))
    await spool.remove(sessionId)
    if (open.runner !== null) await parts.driver.recordings?.drop(open.runner.id)
  }

  async #growing(open: OpenRecording): Promise<AvailableRecording> {
    const { parts, maxBytes } = this.#options
    const target = runnerOf(parts, open.runner)
    const part = target === null ? null : await this.#ask(target)
    if (part === null) return { complete: false, bytes: null, body: await this.#left(open) }
    const complete = part.state !== 'open'
    if (part.total > maxBytes) {
      part.body.destroy()
      throw new CodedError('RECORDING_UNAVAILABLE', 'The recording is larger than it may be.')
    }
    return { complete, bytes: complete ? part.total : null, body: part.body }
  }

  async #ask(target: RunnerTarget): Promise<RecordingPart | null> {
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), ANSWER_WITHIN_MS)
    try {
      return await readRecording(target, 0, abort.signal)
    } catch (error) {
      const { runnerId } = target
      this.#options.parts.log.debug({ err: error, runnerId }, 'a recording could not be fetched')
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  /** What is on this machine of a recording whose runner does not answer, up to its last whole line. */
  async #left({ sessionId, runner }: OpenRecording): Promise<Readable> {
    const { parts, spool } = this.#options
    const left = runner === null ? null : await parts.driver.recordings?.open(runner.id)
    if (left !== null && left !== undefined) return Readable.from(wholeLines(left))
    if ((await spool.size(sessionId)) === 0) return Readable.from([])
    return Readable.from(wholeLines(createReadStream(spool.pathOf(sessionId))))
  }

  async #asked<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      throw new CodedError('RECORDING_UNAVAILABLE', undefined, { cause: error })
    }
  }
}

/** Chunks up to the last newline; the rest is held back until one follows. */
async function* wholeLines(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  for await (const chunk of body) {
    const end = chunk.lastIndexOf(0x0a) + 1
    if (end > 0) {
      yield Buffer.concat([...rest, chunk.subarray(0, end)])
      rest = []
    }
    if (end < chunk.length) rest.push(chunk.subarray(end))
  }
}

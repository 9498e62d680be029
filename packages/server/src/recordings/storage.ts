import type { Readable } from 'node:stream'

/** A stored file that is being read. */
export interface StoredFile {
  readonly bytes: number
  readonly body: Readable
}

/**
 * Where finished recordings are kept. Keys are `<session id>.cast`; what is stored under a key is there as a whole or
 * not at all. Every method is safe to call again.
 *
 * @throws {Error} whatever the storage says, from every method
 */
export interface RecordingStorage {
  /** Stores the content of a file; the file stays. An earlier one of the same key is replaced. */
  put(key: string, file: string): Promise<void>
  /** Null when there is no such key. The body must be read or destroyed. */
  read(key: string): Promise<StoredFile | null>
  /** Size, without reading; null when there is no such key. */
  size(key: string): Promise<number | null>
  /** Unknown keys are removed already. */
  remove(key: string): Promise<void>
  /** Finds out whether it can be used, so that a mistake shows at start and not after the first session. */
  check(): Promise<void>
  close(): void
}

/** Key of a session's recording. @throws {Error} for what is no session's id, so that no path can be made of it */
export function recordingKey(sessionId: string): string {
  if (!/^ses_[A-Za-z0-9_-]{16,64}$/.test(sessionId)) throw new Error('This is not the id of a session.')
  return `${sessionId}.cast`
}

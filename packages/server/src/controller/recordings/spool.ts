import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { RECORDING_CUT_LABEL } from '@cliscale/sdk/protocol'
import { recordingKey } from '../../recordings/storage.ts'

const SUFFIX = '.part'

/** Longest end of a file in which its last lines are looked for: more than any line of a recording. */
const TAIL_BYTES = 1_048_576

/** More came than a recording may hold. */
export class SpoolOverflow extends Error {}

/** What comes of a session's recording, and where it belongs. */
export interface Incoming {
  readonly offset: number
  readonly body: Readable
  /** Largest size of the whole file. */
  readonly maxBytes: number
}

/**
 * Recordings on their way from runners to the storage: a private folder with one file for each session. Bytes are
 * written to their place, so that writing them twice changes nothing, whoever does it.
 */
export class Spool {
  readonly #folder: string

  /** @param folder absolute; made when it is needed */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** The file of a session. */
  pathOf(sessionId: string): string {
    return join(this.#folder, `${recordingKey(sessionId)}${SUFFIX}`)
  }

  /** Bytes that are there; 0 when there is no file. */
  async size(sessionId: string): Promise<number> {
    const found = await stat(this.pathOf(sessionId)).catch(absent)
    return found?.size ?? 0
  }

  /** Writes and returns the size. What came before an error stays. @throws {SpoolOverflow} */
  async write(sessionId: string, { offset, body, maxBytes }: Incoming): Promise<number> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const { O_WRONLY, O_CREAT, O_NOFOLLOW } = constants
    const handle = await open(this.pathOf(sessionId), O_WRONLY | O_CREAT | O_NOFOLLOW, 0o600)
    let at = offset
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (at + chunk.length > maxBytes) throw new SpoolOverflow('The recording is larger than it may be.')
        await writeAll(handle, chunk, at)
        at += chunk.length
      }
    } finally {
      await handle.close()
    }
    return at
  }

  /** Cuts what follows the last whole line, and tells size and whether the recording had reached its limit. */
  async settle(sessionId: string): Promise<{ readonly bytes: number; readonly truncated: boolean }> {
    const handle = await open(this.pathOf(sessionId), constants.O_RDWR | constants.O_NOFOLLOW).catch(absent)
    if (handle === null) return { bytes: 0, truncated: false }
    try {
      const { size } = await handle.stat()
      const from = Math.max(0, size - TAIL_BYTES)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), { position: from })
      const tail = buffer.subarray(0, bytesRead)
      const bytes = from + tail.lastIndexOf(0x0a) + 1
      await handle.truncate(bytes)
      return { bytes, truncated: saysCut(tail.subarray(0, bytes - from).toString('utf8')) }
    } finally {
      await handle.close()
    }
  }

  /** Removes a session's file. */
  async remove(sessionId: string): Promise<void> {
    await rm(this.pathOf(sessionId), { force: true })
  }

  /** Sessions that have a file. */
  async list(): Promise<readonly string[]> {
    const names = (await readdir(this.#folder).catch(absent)) ?? []
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.replace(/\.cast\.part$/, ''))
  }
}

/** Only the recorder writes markers: what a program prints stands inside an output event's text. */
function saysCut(tail: string): boolean {
  const label = JSON.stringify(RECORDING_CUT_LABEL)
  return tail
    .split('\n')
    .slice(-3)
    .some((line) => /^\[[\d.e-]+,"m",/.test(line) && line.endsWith(`${label}]`))
}

async function writeAll(handle: FileHandle, chunk: Buffer, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten
  }
}

function absent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
  throw error
}

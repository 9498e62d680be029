import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { access, copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { RecordingStorage, StoredFile } from './storage.ts'

const KEY = /^[A-Za-z0-9_-]{1,128}\.cast$/

/** Keeps recordings as files of mode 0600 in a folder that only this user may enter. */
export class LocalStorage implements RecordingStorage {
  readonly #folder: string

  /** @param folder absolute; made when it is missing */
  constructor(folder: string) {
    this.#folder = folder
  }

  async put(key: string, file: string): Promise<void> {
    const path = this.#path(key)
    const draft = `${path}.${randomBytes(6).toString('hex')}.new`
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    try {
      // Where the file system can, the copy shares the blocks of the original.
      await copyFile(file, draft, constants.COPYFILE_FICLONE)
      await settle(draft)
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { force: true })
      throw error
    }
  }

  async read(key: string): Promise<StoredFile | null> {
    const handle = await absentAsNull(open(this.#path(key), constants.O_RDONLY | constants.O_NOFOLLOW))
    if (handle === null) return null
    const { size } = await handle.stat()
    return { bytes: size, body: handle.createReadStream() }
  }

  async size(key: string): Promise<number | null> {
    return (await absentAsNull(stat(this.#path(key))))?.size ?? null
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true })
  }

  async check(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await access(this.#folder, constants.W_OK | constants.X_OK)
  }

  close(): void {
    // It holds nothing open.
  }

  #path(key: string): string {
    if (!KEY.test(key)) throw new Error('This is not the key of a recording.')
    return join(this.#folder, key)
  }
}

/** On the disk, and private whatever mode the original had. */
async function settle(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.chmod(0o600)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function absentAsNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

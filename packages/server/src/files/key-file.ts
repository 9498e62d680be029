import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A key file that cannot be used. The message is one sentence for the operator. */
export class KeyFileError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KeyFileError'
  }
}

/**
 * Reads a secret file, or makes it first. It is written under another name and linked into place, so that it is
 * never seen half written and that of several processes starting at once exactly one makes it.
 *
 * @throws {KeyFileError} when others than its owner may read it, or it cannot be read or written
 */
export async function readOrCreateKeyFile(
  path: string,
  create: () => Promise<Buffer> | Buffer,
): Promise<Buffer> {
  const found = await readKeyFile(path)
  if (found !== null) return found
  await writeKeyFile(path, await create())
  const made = await readKeyFile(path)
  if (made === null)
    throw new KeyFileError(`The key file ${path} vanished right after it was made; start again.`)
  return made
}

/** Reads a secret file; null when it is not there. @throws {KeyFileError} as {@link readOrCreateKeyFile} */
export async function readKeyFile(path: string): Promise<Buffer | null> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0)
      throw new KeyFileError(`The key file ${path} can be read by others; run: chmod 600 ${path}`)
    return await readFile(path)
  } catch (error) {
    if (error instanceof KeyFileError) throw error
    if (codeOf(error) === 'ENOENT') return null
    throw new KeyFileError(`The key file ${path} cannot be read (${codeOf(error)}).`, { cause: error })
  }
}

/** Writes a secret file that is not there yet; leaves one that is there alone. */
export async function writeKeyFile(path: string, content: Buffer): Promise<void> {
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(draft, content, { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, path).catch(ignore('EEXIST'))
    await syncFolder(dirname(path))
  } catch (error) {
    throw new KeyFileError(`The key file ${path} cannot be written (${codeOf(error)}).`, { cause: error })
  } finally {
    await unlink(draft).catch(ignore('ENOENT', 'EACCES', 'EROFS', 'ENOTDIR'))
  }
}

/** Deletes a secret file; one that is not there is deleted. */
export async function removeKeyFile(path: string): Promise<void> {
  await unlink(path).catch(ignore('ENOENT'))
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function ignore(...codes: readonly string[]): (error: unknown) => void {
  return (error) => {
    if (!codes.includes(codeOf(error))) throw error
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}

import { constants, existsSync } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { CodedError } from '../../../http/coded-error.ts'
import type { LeftRecordings } from '../../driver.ts'
import { isRunnerId } from './runner-folder.ts'

/** Recordings that runners of this machine wrote, each in a folder of its own. The folders are not theirs to remove. */
export function leftRecordings(folder: string): LeftRecordings {
  const folderOf = (runnerId: string): string => {
    if (!isRunnerId(runnerId)) throw new CodedError('BAD_REQUEST', 'This is not the id of a runner.')
    return join(folder, runnerId)
  }
  const fileOf = (runnerId: string): string => join(folderOf(runnerId), `${runnerId}.cast`)
  return {
    open: (runnerId) => openIfThere(fileOf(runnerId)),
    drop: (runnerId) => rm(folderOf(runnerId), { force: true, recursive: true }),
    list: async () => {
      const names = (await readdir(folder)).filter(isRunnerId)
      return names.filter((runnerId) => existsSync(fileOf(runnerId)))
    },
  }
}

/** The runner could put anything there: a link into the server's files, or a pipe that never answers. */
async function openIfThere(path: string): Promise<Readable | null> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    if ((await handle.stat()).isFile()) return handle.createReadStream()
    await handle.close()
    return null
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ELOOP') return null
    throw error
  }
}

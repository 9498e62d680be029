import { constants } from 'node:fs'
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { CodedError } from '../../http/coded-error.ts'
import type { LeftRecordings } from '../driver.ts'
import { isRunnerId } from './runner-folder.ts'

const SUFFIX = '.cast'

/** Recordings in the folder that runners of this machine write to. It is not theirs to remove. */
export function leftRecordings(folder: string): LeftRecordings {
  const pathOf = (runnerId: string): string => {
    if (!isRunnerId(runnerId)) throw new CodedError('BAD_REQUEST', 'This is not the id of a runner.')
    return join(folder, `${runnerId}${SUFFIX}`)
  }
  return {
    open: (runnerId) => openIfThere(pathOf(runnerId)),
    drop: (runnerId) => rm(pathOf(runnerId), { force: true }),
    list: async () =>
      (await readdir(folder))
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => name.slice(0, -SUFFIX.length))
        .filter(isRunnerId),
  }
}

async function openIfThere(path: string): Promise<Readable | null> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    return handle.createReadStream()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

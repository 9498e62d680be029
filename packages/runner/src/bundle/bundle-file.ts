import { randomUUID } from 'node:crypto'
import { closeSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'

/** A file without a name: nobody finds it, and it is gone when it is closed or its process ends. */
export interface BundleFile {
  readonly forWriting: number
  readonly forReading: number
  readonly close: () => void
}

/** Makes such a file on the disk of a folder. @throws {Error} of a system call */
export function openBundleFile(folder: string): BundleFile {
  const path = join(folder, `.cliscale-bundle-${randomUUID()}`)
  const forWriting = openSync(path, 'wx', 0o600)
  try {
    const forReading = openSync(path, 'r')
    return {
      forWriting,
      forReading,
      close: () => {
        closeSync(forReading)
        closeSync(forWriting)
      },
    }
  } catch (error) {
    closeSync(forWriting)
    throw error
  } finally {
    unlinkSync(path)
  }
}

import { randomUUID } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { BundleError } from './bundle-error.ts'
import { quoted } from './quoted.ts'

/** A folder that what is unpacked fills, before it is anybody's. */
export interface Staging {
  readonly path: string
  /** Moves what is in it into the work folder and returns the names at its top. @throws {BundleError} */
  readonly place: () => readonly string[]
  /** Removes it, with what is still in it. */
  readonly remove: () => void
}

/** Makes an empty folder within the work folder. @throws {Error} of a system call */
export function openStaging(workFolder: string): Staging {
  const path = join(workFolder, `.cliscale-unpack-${randomUUID()}`)
  mkdirSync(path, { mode: 0o700 })
  const place = (): readonly string[] => {
    // The program that filled it could have put a link to another folder in its place.
    if (!lstatSync(path).isDirectory())
      throw new BundleError('START_FAILED', 'The bundle could not be unpacked.')
    const names = readdirSync(path)
    for (const name of names) refuseOccupied(workFolder, name)
    for (const name of names) renameSync(join(path, name), join(workFolder, name))
    return names
  }
  return { path, place, remove: () => rmSync(path, { recursive: true, force: true }) }
}

function refuseOccupied(workFolder: string, name: string): void {
  if (lstatSync(join(workFolder, name), { throwIfNoEntry: false }) === undefined) return
  throw new BundleError('BUNDLE_INVALID', `The work folder has an entry ${quoted(name)} already.`, {
    hint: 'A bundle is unpacked beside what is in the work folder, never over it.',
  })
}

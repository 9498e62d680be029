import { posix } from 'node:path'

import { BUNDLE } from '@cliscale/sdk/protocol'

import { BundleError } from './bundle-error.ts'

/** Longest path of an entry, in UTF-16 code units. */
const MAX_ENTRY_PATH = 1_024

/** What an archive says about one entry. */
export interface ArchiveEntry {
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink' | 'hardlink' | 'other'
  readonly bytes: number
  /** Target of a link: of a symlink relative to it, of a hard link relative to the archive's root. */
  readonly target?: string
}

/** Checks the entries of one archive, one after the other, before any of them is written. */
export class ArchiveRules {
  #entries = 0
  #bytes = 0

  /** Entries seen so far. */
  get entries(): number {
    return this.#entries
  }

  /** @throws {BundleError} `BUNDLE_INVALID`, `BUNDLE_TOO_LARGE` */
  check(entry: ArchiveEntry): void {
    this.#entries++
    this.#bytes += entry.bytes
    if (this.#entries > BUNDLE.maxEntries) {
      throw new BundleError('BUNDLE_TOO_LARGE', `The bundle has more than ${BUNDLE.maxEntries} entries.`)
    }
    if (this.#bytes > BUNDLE.maxExpandedBytes) {
      throw new BundleError(
        'BUNDLE_TOO_LARGE',
        `The bundle unpacks to more than ${BUNDLE.maxExpandedBytes} bytes.`,
      )
    }
    if (!isInside(entry.path)) throw invalid(entry, 'lies outside the archive')
    if (entry.kind === 'other') throw invalid(entry, 'is neither file, folder nor link')
    if (entry.target !== undefined && !linkIsInside(entry, entry.target))
      throw invalid(entry, 'links to the outside')
  }
}

function invalid(entry: ArchiveEntry, problem: string): BundleError {
  // Quoted as JSON: a name may hold anything, and this sentence is shown in a terminal.
  return new BundleError(
    'BUNDLE_INVALID',
    `The entry ${JSON.stringify(entry.path.slice(0, 200))} ${problem}.`,
  )
}

function isInside(path: string): boolean {
  const normal = posix.normalize(path)
  return (
    path !== '' &&
    path.length <= MAX_ENTRY_PATH &&
    !path.includes('\0') &&
    !path.includes('\\') &&
    !normal.startsWith('/') &&
    normal !== '..' &&
    !normal.startsWith('../')
  )
}

function linkIsInside(entry: ArchiveEntry, target: string): boolean {
  if (target.startsWith('/')) return false
  return isInside(entry.kind === 'symlink' ? posix.join(posix.dirname(entry.path), target) : target)
}

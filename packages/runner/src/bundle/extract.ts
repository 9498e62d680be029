import { fstatSync, readSync } from 'node:fs'

import type { UnpackLimits } from './limits.ts'
import { Refused } from './refusals.ts'

/** What unpacking needs. */
export interface ExtractOptions {
  /** Descriptor of the archive. */
  readonly file: number
  /** Folder to unpack into, absolute; it exists and is empty. */
  readonly folder: string
  readonly limits: UnpackLimits
  /** Called for each entry; `total` is null while unknown. */
  readonly progress: (done: number, total: number | null) => void
}

/**
 * Unpacks an archive. Its kind is told by its first bytes, not by its name. Every entry is checked before the first one
 * is written. For the program that unpacks: it blocks while it writes.
 *
 * @throws {Refused} for an archive that is not to be unpacked
 * @throws {Error} of a system call, or of a library that cannot read the archive
 */
export async function extract(options: ExtractOptions): Promise<void> {
  const kind = kindOf(options.file)
  if (kind === 'zip') await (await import('./extract-zip.ts')).extractZip(options)
  else await (await import('./extract-tar.ts')).extractTar({ ...options, gzip: kind === 'gzip' })
}

const TAR_MAGIC = { at: 257, text: 'ustar' } as const

function kindOf(file: number): 'tar' | 'gzip' | 'zip' {
  const start = Buffer.alloc(Math.min(512, fstatSync(file).size))
  readSync(file, start, 0, start.length, 0)
  if (start[0] === 0x50 && start[1] === 0x4b) return 'zip'
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip'
  const end = TAR_MAGIC.at + TAR_MAGIC.text.length
  if (start.subarray(TAR_MAGIC.at, end).toString('latin1') === TAR_MAGIC.text) return 'tar'
  throw new Refused('no-archive')
}

import { open } from 'node:fs/promises'

import { BundleError } from './bundle-error.ts'

/** What unpacking tells. */
export interface ExtractOptions {
  /** Folder to unpack into; it exists. */
  readonly folder: string
  readonly signal: AbortSignal
  /** Called for each entry; `total` is null while unknown. */
  readonly progress: (done: number, total: number | null) => void
}

/**
 * Unpacks an archive whose digest was checked. Its kind is told by its first bytes, not by its name. Every entry is checked
 * before the first one is written. Returns the names at its top level.
 *
 * @throws {BundleError} `BUNDLE_INVALID`, `BUNDLE_TOO_LARGE`
 */
export async function extract(file: string, options: ExtractOptions): Promise<readonly string[]> {
  try {
    if ((await kindOf(file)) === 'zip')
      return await (await import('./extract-zip.ts')).extractZip(file, options)
    return await (await import('./extract-tar.ts')).extractTar(file, options)
  } catch (error) {
    throw archiveError(error, options.signal)
  }
}

const TAR_MAGIC = { at: 257, text: 'ustar' } as const

async function kindOf(file: string): Promise<'tar' | 'zip'> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0)
    const start = buffer.subarray(0, bytesRead)
    if (start[0] === 0x50 && start[1] === 0x4b) return 'zip'
    const gzip = start[0] === 0x1f && start[1] === 0x8b
    const end = TAR_MAGIC.at + TAR_MAGIC.text.length
    if (gzip || start.subarray(TAR_MAGIC.at, end).toString('latin1') === TAR_MAGIC.text) return 'tar'
  } finally {
    await handle.close()
  }
  throw new BundleError('BUNDLE_INVALID', 'The bundle is neither a tar nor a zip archive.', {
    hint: 'Use .tar.gz, .tgz, .tar or .zip.',
  })
}

function archiveError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof BundleError) return error
  if (signal.aborted) return signal.reason
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BundleError('BUNDLE_TOO_LARGE', 'The work folder has no room for the bundle.')
  }
  return new BundleError('BUNDLE_INVALID', `The bundle cannot be unpacked: ${message}.`)
}

import { createWriteStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { type Entry, openPromise, type ZipFile } from 'yauzl'

import { type ArchiveEntry, ArchiveRules } from './archive-rules.ts'
import type { ExtractOptions } from './extract.ts'

const FILE_TYPE = 0o170000
const SYMLINK = 0o120000
const REGULAR = 0o100000
const FOLDER = 0o040000

/** `version made by` of archives whose upper attribute bits are Unix modes (APPNOTE 4.4.2). */
const MADE_ON_UNIX = 3

/** Unpacks a zip archive, in two passes: the first only looks. Symbolic links are refused. */
export async function extractZip(file: string, options: ExtractOptions): Promise<readonly string[]> {
  const rules = new ArchiveRules()
  const tops = new Set<string>()
  await walk(file, options.signal, async (_zip, entry) => {
    rules.check(describe(entry))
    tops.add(entry.fileName.split('/')[0] ?? '')
  })
  let done = 0
  await walk(file, options.signal, async (zip, entry) => {
    await write(zip, entry, options)
    options.progress(++done, rules.entries)
  })
  return [...tops]
}

function describe(entry: Entry): ArchiveEntry {
  return { path: entry.fileName, kind: kindOf(entry), bytes: entry.uncompressedSize }
}

function kindOf(entry: Entry): ArchiveEntry['kind'] {
  if (entry.fileName.endsWith('/')) return 'folder'
  const type = unixMode(entry) & FILE_TYPE
  if (type === 0 || type === REGULAR) return 'file'
  // Links are unusual in zip archives and are not worth their risks.
  return type === SYMLINK || type !== FOLDER ? 'other' : 'folder'
}

function unixMode(entry: Entry): number {
  return entry.versionMadeBy >> 8 === MADE_ON_UNIX ? entry.externalFileAttributes >>> 16 : 0
}

async function walk(
  file: string,
  signal: AbortSignal,
  visit: (zip: ZipFile, entry: Entry) => Promise<void>,
): Promise<void> {
  const zip = await openPromise(file, { strictFileNames: true, autoClose: false })
  try {
    for await (const entry of zip.eachEntry()) {
      signal.throwIfAborted()
      await visit(zip, entry)
    }
  } finally {
    zip.close()
  }
}

async function write(zip: ZipFile, entry: Entry, options: ExtractOptions): Promise<void> {
  const path = join(options.folder, entry.fileName)
  if (kindOf(entry) === 'folder') {
    await mkdir(path, { recursive: true })
    return
  }
  await mkdir(dirname(path), { recursive: true })
  await rm(path, { force: true })
  // An archive made where there are no modes does not say what is a program.
  const mode = unixMode(entry) === 0 ? 0o755 : unixMode(entry) & 0o777
  const content = await zip.openReadStreamPromise(entry)
  await pipeline(content, createWriteStream(path, { mode, flags: 'wx' }), { signal: options.signal })
}

import { type Entry, fromFdPromise, getFileNameLowLevel, type ZipFile } from 'yauzl'

import { type ArchiveEntry, ArchiveRules, namesOf } from './archive-rules.ts'
import type { ExtractOptions } from './extract.ts'
import { Meter } from './meter.ts'
import { Refused } from './refusals.ts'
import { TreeWriter } from './tree-writer.ts'

const FILE_TYPE = 0o170000
const SYMLINK = 0o120000
const REGULAR = 0o100000
const FOLDER = 0o040000

/** `version made by` of archives whose upper attribute bits are Unix modes (APPNOTE 4.4.2). */
const MADE_ON_UNIX = 3

/** Compression method of a file that is not compressed (APPNOTE 4.4.5). */
const STORED = 0

/** Where an entry's header and data lie in the archive. */
interface Extent {
  readonly path: string
  readonly start: number
  readonly end: number
}

/** Unpacks a zip archive, in two passes: the first only looks. Symbolic links are refused. */
export async function extractZip(options: ExtractOptions): Promise<void> {
  const rules = new ArchiveRules(options.limits)
  const extents: Extent[] = []
  await walk(options, async (zip, entry, path) => {
    rules.check({ path, kind: kindOf(entry, path), bytes: entry.uncompressedSize })
    extents.push(await checkHeaders(zip, entry, path))
  })
  refuseOverlaps(extents)
  const writer = new TreeWriter(options.folder)
  const packed = { bytes: 0 }
  const meter = new Meter(options.limits, () => packed.bytes)
  let done = 0
  await walk(options, async (zip, entry, path) => {
    meter.begin(path)
    packed.bytes += entry.compressedSize
    await write({ zip, entry, path }, { writer, meter })
    options.progress(++done, rules.entries)
  })
}

function kindOf(entry: Entry, path: string): ArchiveEntry['kind'] {
  if (path.endsWith('/')) return 'folder'
  const type = unixMode(entry) & FILE_TYPE
  if (type === 0 || type === REGULAR) return 'file'
  // Links are unusual in zip archives and are not worth their risks.
  if (type === SYMLINK) throw new Refused('zip-link', path)
  return type === FOLDER ? 'folder' : 'other'
}

function unixMode(entry: Entry): number {
  return entry.versionMadeBy >> 8 === MADE_ON_UNIX ? entry.externalFileAttributes >>> 16 : 0
}

async function walk(
  { file, limits }: ExtractOptions,
  visit: (zip: ZipFile, entry: Entry, path: string) => Promise<void>,
): Promise<void> {
  // Names and sizes are checked here, each with a sentence of its own.
  const zip = await fromFdPromise(file, { decodeStrings: false, validateEntrySizes: false, autoClose: false })
  if (zip.entryCount > limits.entries) throw new Refused('entries')
  for await (const entry of zip.eachEntry()) {
    const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry
    await visit(zip, entry, getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, true))
  }
}

/** Compares the list of entries with the header in front of an entry's data, of which other programs may read either. */
async function checkHeaders(zip: ZipFile, entry: Entry, path: string): Promise<Extent> {
  if (entry.isEncrypted()) throw new Refused('encrypted', path)
  if (!entry.canDecodeFileData()) throw new Refused('compression', path)
  if (entry.compressionMethod === STORED && entry.compressedSize !== entry.uncompressedSize)
    throw new Refused('size', path)
  const local = await zip.readLocalFileHeaderPromise(entry, { minimal: false })
  if (!('fileName' in local) || !local.fileName.equals(entry.fileNameRaw))
    throw new Refused('two-names', path)
  return {
    path,
    start: entry.relativeOffsetOfLocalHeader,
    end: local.fileDataStart + entry.compressedSize,
  }
}

/** Entries that share bytes make a small archive large without any one of them being packed more than usual. */
function refuseOverlaps(extents: readonly Extent[]): void {
  let end = 0
  for (const extent of extents.toSorted((a, b) => a.start - b.start)) {
    if (extent.start < end) throw new Refused('overlap', extent.path)
    end = extent.end
  }
}

async function write(
  { zip, entry, path }: { readonly zip: ZipFile; readonly entry: Entry; readonly path: string },
  { writer, meter }: { readonly writer: TreeWriter; readonly meter: Meter },
): Promise<void> {
  const names = namesOf(path, path)
  if (kindOf(entry, path) === 'folder') {
    writer.folder(names)
    return
  }
  // An archive made where there are no modes does not say what is a program.
  writer.file(names, {
    mode: unixMode(entry) === 0 ? 0o755 : unixMode(entry),
    modified: entry.getLastModDate(),
  })
  let left = entry.uncompressedSize
  for await (const piece of await zip.openReadStreamPromise(entry)) {
    const chunk = piece as Buffer
    left -= chunk.length
    if (left < 0) throw new Refused('size', path)
    meter.addToAll(chunk.length)
    meter.add(chunk.length)
    writer.write(chunk)
  }
  if (left !== 0) throw new Refused('size', path)
  writer.end()
}

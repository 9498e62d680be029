import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'

import { Parser, type ReadEntry } from 'tar'

import { type ArchiveEntry, ArchiveRules, namesOf } from './archive-rules.ts'
import type { ExtractOptions } from './extract.ts'
import { Meter } from './meter.ts'
import { Refused } from './refusals.ts'
import { TreeWriter } from './tree-writer.ts'

const KINDS: Readonly<Record<string, ArchiveEntry['kind']>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Directory: 'folder',
  SymbolicLink: 'symlink',
  Link: 'hardlink',
}

/** Unpacks a tar archive, compressed with gzip or not, in two passes: the first only looks. */
export async function extractTar(options: ExtractOptions & { readonly gzip: boolean }): Promise<void> {
  const rules = new ArchiveRules(options.limits)
  await read(options, { entry: (entry) => rules.check(describe(entry)) })
  rules.finish()
  const writer = new TreeWriter(options.folder)
  let done = 0
  await read(options, {
    entry: (entry) => {
      write(writer, entry)
      options.progress(++done, rules.entries)
    },
    data: (chunk) => writer.write(chunk),
    end: () => writer.end(),
  })
  writer.finish()
}

function describe(entry: ReadEntry): ArchiveEntry {
  const kind = KINDS[entry.type] ?? 'other'
  const isLink = kind === 'symlink' || kind === 'hardlink'
  return { path: entry.path, kind, bytes: entry.size, ...(isLink ? { target: entry.linkpath ?? '' } : {}) }
}

function write(writer: TreeWriter, { path, linkpath = '', mode = 0o644, mtime, type }: ReadEntry): void {
  const names = namesOf(path, path)
  const kind = KINDS[type] ?? 'other'
  if (kind === 'folder') writer.folder(names)
  else if (kind === 'symlink') writer.symbolicLink(names, linkpath)
  else if (kind === 'hardlink') writer.hardLink(names, namesOf(linkpath, path))
  // No setuid, setgid or sticky bit comes out of an archive: the writer takes the permissions alone.
  else writer.file(names, { mode, modified: mtime })
}

interface Visitor {
  readonly entry: (entry: ReadEntry) => void
  readonly data?: (chunk: Buffer) => void
  readonly end?: () => void
}

async function read(
  { file, gzip, limits }: Parameters<typeof extractTar>[0],
  visitor: Visitor,
): Promise<void> {
  const source = createReadStream('', { fd: file, start: 0, autoClose: false })
  const gunzip = gzip ? createGunzip() : undefined
  const meter = new Meter(limits, () => gunzip?.bytesWritten ?? source.bytesRead)
  const { parser, state } = createParser(visitor, meter)
  source.on('error', (error) => gunzip?.destroy(error))
  for await (const piece of gunzip === undefined ? source : source.pipe(gunzip)) {
    const chunk = piece as Buffer
    refuseNested(chunk, state)
    meter.addToAll(chunk.length)
    parser.write(chunk)
    if (state.fault !== undefined) throw state.fault
    // What follows the end is padding; the parser would keep it.
    if (state.ended) return
  }
  parser.end()
  if (state.fault !== undefined) throw state.fault
}

interface ParserState {
  begun: boolean
  ended: boolean
  fault: Error | undefined
}

function createParser(visitor: Visitor, meter: Meter): { parser: Parser; state: ParserState } {
  const state: ParserState = { begun: false, ended: false, fault: undefined }
  const parser = new Parser({ strict: true })
  parser.on('entry', (entry: ReadEntry) => {
    meter.begin(entry.path)
    visitor.entry(entry)
    entry.on('data', (chunk: Buffer) => {
      meter.add(chunk.length)
      visitor.data?.(chunk)
    })
    entry.on('end', () => visitor.end?.())
  })
  parser.on('ignoredEntry', (entry: ReadEntry) => {
    throw new Refused('special', entry.path)
  })
  parser.on('meta', (text: string) => {
    // The parser takes a path to its first NUL only.
    if (/^\d+ (?:link)?path=[^\n]*\0/m.test(text)) throw new Refused('nul', /path=([^\0]*)/.exec(text)?.[1])
  })
  parser.on('eof', () => (state.ended = true))
  parser.on('error', (error: Error) => (state.fault ??= error))
  return { parser, state }
}

/** The parser would unpack what is packed a second time, out of sight of the meter. */
function refuseNested(chunk: Buffer, state: ParserState): void {
  if (state.begun) return
  state.begun = true
  const magic = chunk.subarray(0, 4).toString('hex')
  if (magic.startsWith('1f8b') || magic === '28b52ffd') throw new Refused('no-archive')
}

import { createReadStream } from 'node:fs'

import { extract, Parser, type ReadEntry } from 'tar'

import { type ArchiveEntry, ArchiveRules } from './archive-rules.ts'
import type { ExtractOptions } from './extract.ts'

const KINDS: Readonly<Record<string, ArchiveEntry['kind']>> = {
  File: 'file',
  OldFile: 'file',
  ContiguousFile: 'file',
  Directory: 'folder',
  SymbolicLink: 'symlink',
  Link: 'hardlink',
}

/** Unpacks a tar archive, compressed with gzip or not, in two passes: the first only looks. */
export async function extractTar(file: string, options: ExtractOptions): Promise<readonly string[]> {
  const tops = new Set<string>()
  const rules = new ArchiveRules()
  await read(file, options, (entry) => {
    rules.check(describe(entry))
    tops.add(entry.path.replace(/^(?:\.\/)+/, '').split('/')[0] ?? '')
    entry.resume()
  })
  await unpack(file, { ...options, entries: rules.entries })
  return [...tops].filter((name) => name !== '' && name !== '.')
}

function describe(entry: ReadEntry): ArchiveEntry {
  const kind = KINDS[entry.type] ?? 'other'
  const isLink = kind === 'symlink' || kind === 'hardlink'
  return { path: entry.path, kind, bytes: entry.size, ...(isLink ? { target: entry.linkpath ?? '' } : {}) }
}

async function read(
  file: string,
  options: ExtractOptions,
  onEntry: (entry: ReadEntry) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let failed = false
    const source = createReadStream(file, { signal: options.signal })
    const fail = (error: unknown): void => {
      failed = true
      source.destroy()
      reject(error instanceof Error ? error : new Error(String(error)))
    }
    const parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        try {
          if (failed) entry.resume()
          else onEntry(entry)
        } catch (error) {
          fail(error)
          entry.resume()
        }
      },
    })
    source.on('error', fail)
    parser.on('error', fail)
    parser.on('end', resolve)
    source.on('data', (chunk) => void (failed || parser.write(chunk as Buffer)))
    source.on('end', () => parser.end())
  })
}

async function unpack(file: string, options: ExtractOptions & { readonly entries: number }): Promise<void> {
  let done = 0
  await extract({
    file,
    cwd: options.folder,
    strict: true,
    preserveOwner: false,
    onReadEntry: (entry) => {
      // No setuid, setgid or sticky bit comes out of an archive.
      if (entry.mode !== undefined) entry.mode &= 0o777
      options.progress(++done, options.entries)
    },
  })
  options.signal.throwIfAborted()
}

import { ArchiveTree } from './archive-tree.ts'
import type { UnpackLimits } from './limits.ts'
import { Refused } from './refusals.ts'

/** What an archive says about one entry. */
export interface ArchiveEntry {
  /** As the archive has it. */
  readonly path: string
  readonly kind: 'file' | 'folder' | 'symlink' | 'hardlink' | 'other'
  /** Size that the archive tells. */
  readonly bytes: number
  /** Target of a link: of a symlink relative to it, of a hard link relative to the archive's root. */
  readonly target?: string
}

interface Link {
  readonly names: readonly string[]
  readonly entry: ArchiveEntry
}

/** Checks the entries of one archive, one after the other, before any of them is written; at last its links. */
export class ArchiveRules {
  readonly #limits: UnpackLimits
  readonly #tree: ArchiveTree
  readonly #links: Link[] = []
  #entries = 0
  #nodes = 0
  #bytes = 0

  constructor(limits: UnpackLimits) {
    this.#limits = limits
    this.#tree = new ArchiveTree(() => this.#count(++this.#nodes))
  }

  /** Entries seen so far. */
  get entries(): number {
    return this.#entries
  }

  /** @throws {Refused} */
  check(entry: ArchiveEntry): void {
    const { path, kind, bytes } = entry
    this.#count(++this.#entries)
    if (!Number.isSafeInteger(bytes) || bytes < 0) throw new Refused('size', path)
    this.#bytes += bytes
    if (this.#bytes > this.#limits.bytes) throw new Refused('bytes')
    const names = namesOf(path, path)
    this.#checkLengths(names, path)
    if (kind === 'other') throw new Refused('special', path)
    if (names.length === 0 && kind !== 'folder') throw new Refused('no-name', path)
    if (kind === 'hardlink') this.#checkHardLink(entry)
    if (kind === 'symlink') this.#links.push({ names, entry })
    this.#tree.add(names, kind === 'folder' ? 'folder' : kind === 'symlink' ? 'link' : 'file', path)
  }

  /** Looks at the targets of symbolic links, now that all of the archive is known. @throws {Refused} */
  finish(): void {
    for (const link of this.#links) this.#checkTarget(link)
  }

  #count(count: number): void {
    if (count > this.#limits.entries) throw new Refused('entries')
  }

  #checkLengths(names: readonly string[], path: string): void {
    const { pathBytes, nameBytes, depth } = this.#limits
    if (names.length > depth) throw new Refused('depth', path)
    if (names.some((name) => Buffer.byteLength(name) > nameBytes)) throw new Refused('name-bytes', path)
    if (Buffer.byteLength(path) > pathBytes) throw new Refused('path-bytes', path)
  }

  /** A hard link is the file itself, so there must be one, and the way to it leads over folders alone. */
  #checkHardLink({ path, target = '' }: ArchiveEntry): void {
    if (this.#tree.kindOf(namesOf(target, path, 'link-outside')) !== 'file')
      throw new Refused('hard-link', path)
  }

  /**
   * A target must stay inside at each of its steps, and none but its last may be a link: then it leads where its text
   * says. That last link was checked in the same way.
   */
  #checkTarget({ names, entry }: Link): void {
    const { path, target = '' } = entry
    if (target === '' || target.startsWith('/')) throw new Refused('link-outside', path)
    checkText(target, path)
    if (Buffer.byteLength(target) > this.#limits.pathBytes) throw new Refused('path-bytes', path)
    const way = names.slice(0, -1)
    for (const step of target.split('/')) {
      if (step === '' || step === '.') continue
      if (this.#tree.kindOf(way) === 'link') throw new Refused('link-through-link', path)
      if (step !== '..') way.push(step)
      else if (way.pop() === undefined) throw new Refused('link-outside', path)
    }
  }
}

/**
 * The names in a path. None of them is `..`, also where the path would stay inside.
 *
 * @param entry path of the entry that is refused otherwise
 * @throws {Refused}
 */
export function namesOf(
  path: string,
  entry: string,
  outside: 'outside' | 'link-outside' = 'outside',
): string[] {
  checkText(path, entry)
  const names = path.split('/')
  if (path.startsWith('/') || names.includes('..')) throw new Refused(outside, entry)
  if (path === '') throw new Refused('no-name', entry)
  return names.filter((name) => name !== '' && name !== '.')
}

function checkText(text: string, entry: string): void {
  if (text.includes('\0')) throw new Refused('nul', entry)
  if (text.includes('\\')) throw new Refused('backslash', entry)
}

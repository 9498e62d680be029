import { closeSync, futimesSync, linkSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

import { Refused } from './refusals.ts'

/** Seconds since the epoch up to which every file system can keep a time. */
const MAX_SECONDS = 4_294_967_296

/** What a file has beside its bytes. */
export interface FileFacts {
  /** Permission bits; its owner may always read and write it. */
  readonly mode: number
  readonly modified?: Date | undefined
}

/**
 * Writes an archive's entries into an empty folder of its own. Nothing is opened that exists, and symbolic links come
 * last, so no path that is written ever leads through one, whatever the archive says.
 */
export class TreeWriter {
  readonly #folder: string
  readonly #folders = new Set<string>()
  readonly #links: { readonly path: string; readonly target: string }[] = []
  #file: { readonly descriptor: number; readonly facts: FileFacts } | undefined

  /** @param folder absolute; it exists, and nobody else writes to it */
  constructor(folder: string) {
    this.#folder = folder
    this.#folders.add(folder)
  }

  /** Makes a folder, unless it was made already. */
  folder(names: readonly string[]): void {
    this.#makeFolder(this.#pathOf(names))
  }

  /** Makes a file, to which {@link write} writes until {@link end}. */
  file(names: readonly string[], facts: FileFacts): void {
    const path = this.#pathOf(names)
    this.#makeFolder(dirname(path))
    const descriptor = this.#asNew(path, () => openSync(path, 'wx', (facts.mode & 0o777) | 0o600))
    this.#file = { descriptor, facts }
  }

  /** Writes all of a chunk to the open file. */
  write(chunk: Uint8Array): void {
    if (this.#file === undefined) return
    for (let at = 0; at < chunk.length;) at += writeSync(this.#file.descriptor, chunk, at)
  }

  /** Closes the open file. */
  end(): void {
    if (this.#file === undefined) return
    const { descriptor, facts } = this.#file
    this.#file = undefined
    const seconds = (facts.modified?.getTime() ?? Number.NaN) / 1_000
    if (seconds >= 0 && seconds < MAX_SECONDS) futimesSync(descriptor, seconds, seconds)
    closeSync(descriptor)
  }

  /** Gives a file that was written a second name. */
  hardLink(names: readonly string[], target: readonly string[]): void {
    const path = this.#pathOf(names)
    this.#makeFolder(dirname(path))
    this.#asNew(path, () => linkSync(this.#pathOf(target), path))
  }

  /** Notes a symbolic link. */
  symbolicLink(names: readonly string[], target: string): void {
    this.#links.push({ path: this.#pathOf(names), target })
  }

  /** Makes the symbolic links. */
  finish(): void {
    for (const { path } of this.#links) this.#makeFolder(dirname(path))
    for (const { path, target } of this.#links) this.#asNew(path, () => symlinkSync(target, path))
  }

  #pathOf(names: readonly string[]): string {
    return join(this.#folder, ...names)
  }

  #makeFolder(path: string): void {
    if (this.#folders.has(path)) return
    this.#makeFolder(dirname(path))
    this.#asNew(path, () => mkdirSync(path, 0o755))
    this.#folders.add(path)
  }

  /** What is there already got there under a name that this file system takes for the same. */
  #asNew<T>(path: string, make: () => T): T {
    try {
      return make()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new Refused('twice', relative(this.#folder, path))
    }
  }
}

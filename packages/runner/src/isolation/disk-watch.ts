import { statfsSync } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** Between two looks at how full the disk is. */
const LOOK_EVERY_MS = 500

/** A walk through the folders begins when so large a part of what is allowed was written to the disk, by whomever. */
const WALK_AFTER = 1 / 16

/**
 * Calls back once when folders hold more than they may. What is asked often is only how full the file system is, which
 * costs one call whatever lies there; the folders are walked through when it has grown enough.
 */
export class DiskWatch {
  readonly #folders: readonly string[]
  readonly #maxBytes: number
  readonly #exceeded: () => void
  readonly #timer: NodeJS.Timeout
  readonly #atStart: number
  #walkedAt: number
  #walking = false

  constructor(folders: readonly string[], maxBytes: number, exceeded: () => void) {
    this.#folders = folders
    this.#maxBytes = maxBytes
    this.#exceeded = exceeded
    this.#atStart = usedBytes(folders[0] ?? '/') ?? 0
    this.#walkedAt = this.#atStart
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref()
  }

  /** Looks no more. */
  close(): void {
    clearInterval(this.#timer)
  }

  async #look(): Promise<void> {
    const used = usedBytes(this.#folders[0] ?? '/')
    if (this.#walking || used === undefined) return
    // Somebody else freed what hides the growth of this session: what is known is lowered with it.
    if (used < this.#walkedAt) this.#walkedAt = used
    if (used - this.#walkedAt < this.#maxBytes * WALK_AFTER) return
    this.#walking = true
    this.#walkedAt = used
    const held = await Promise.all(
      this.#folders.map((folder) => sizeOf(folder, { enough: this.#maxBytes, hidden: used - this.#atStart })),
    )
    this.#walking = false
    if (held.reduce((sum, bytes) => sum + bytes, 0) <= this.#maxBytes) return
    this.close()
    this.#exceeded()
  }
}

function usedBytes(folder: string): number | undefined {
  try {
    const { bsize, blocks, bfree } = statfsSync(folder)
    return bsize * (blocks - bfree)
  } catch {
    return undefined
  }
}

/** Unit of `st_blocks` (stat(2)). */
const DISK_BLOCK = 512

/**
 * Bytes that a tree takes on disk; the count ends beyond `enough`. Files that vanish meanwhile count as nothing. A folder
 * that was closed even to its owner counts as all that was written meanwhile, `hidden`, by whomever: else a session would
 * hide there what it keeps.
 */
async function sizeOf(
  folder: string,
  { enough, hidden }: { enough: number; hidden: number },
): Promise<number> {
  let bytes = 0
  const open = [folder]
  for (let path = open.pop(); path !== undefined && bytes <= enough; path = open.pop()) {
    const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES') bytes += Math.max(0, hidden)
      return []
    })
    for (const entry of entries) {
      const below = join(path, entry.name)
      if (entry.isDirectory()) open.push(below)
      const stats = await lstat(below).catch(() => undefined)
      bytes += (stats?.blocks ?? 0) * DISK_BLOCK
    }
  }
  return bytes
}

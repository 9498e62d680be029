import { createHash } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UidRange } from '../../config/uid-range.ts'
import { UidRegistry } from '../../files/uid-registry.ts'
import { EmbeddedPostgresError } from './embedded-error.ts'

/** Where PostgreSQL's files and notes go that cannot be in the data folder. */
export const SYSTEM_FOLDER = '/var/lib/cliscale'

/** Links named like a uid, each to the data folder that has it. */
const REGISTER = join(SYSTEM_FOLDER, 'uids')

/** Codes of a system whose folder for such things cannot be written, as in a container with a read-only root. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR'])

/**
 * A uid for this data folder that no other one on this machine has: the one that has the data so far if it is of the
 * range, else the first free one from a place in the range that the folder's name decides. Starts at once on the same
 * folder get the same one. Where nothing can be noted it is that first place, free or not.
 * @throws {EmbeddedPostgresError} when all are taken
 */
export async function claimUid(
  { dataDir, uids }: { readonly dataDir: string; readonly uids: UidRange },
  present: number | null,
): Promise<number> {
  const start = placeOf(dataDir, uids)
  try {
    await mkdir(REGISTER, { recursive: true, mode: 0o755 })
    // Folders that are not temporary may only be away for a while.
    const registry = await UidRegistry.open(REGISTER, (owner) => isTemporary(owner) && !isThere(owner))
    const own = present !== null && present >= uids.first && present <= uids.last
    if (own && (await registry.take(present, dataDir))) return present
    const uid = await registry.takeFirst(around(uids, start), dataDir)
    if (uid !== null) return uid
  } catch (error) {
    if (NOT_WRITABLE.has((error as NodeJS.ErrnoException).code ?? '')) return start
    throw error
  }
  throw new EmbeddedPostgresError(
    `All user ids from ${uids.first} to ${uids.last} are taken; remove links from ${REGISTER} whose data folder is no ` +
      `more, or name more ids with --database-uids.`,
  )
}

/** The uid of the range that a folder's name decides. */
function placeOf(dataDir: string, { first, last }: UidRange): number {
  return first + (createHash('sha256').update(dataDir).digest().readUInt32BE() % (last - first + 1))
}

/** The whole range from a place in it on. */
function* around({ first, last }: UidRange, start: number): Generator<number> {
  for (let uid = start; uid <= last; uid += 1) yield uid
  for (let uid = first; uid < start; uid += 1) yield uid
}

/** True for a path below the system's folder for temporary files. */
export function isTemporary(path: string): boolean {
  return [tmpdir(), '/tmp'].some((folder) => path.startsWith(`${folder}/`))
}

/** A link that leads nowhere is there. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

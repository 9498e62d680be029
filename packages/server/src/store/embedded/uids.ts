import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, readFile, readlink, symlink, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { UidRange } from '../../config/uid-range.ts'
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
  const count = uids.last - uids.first + 1
  const start = createHash('sha256').update(dataDir).digest().readUInt32BE() % count
  const named = await namedUids()
  try {
    await mkdir(REGISTER, { recursive: true, mode: 0o755 })
    await sweep()
    const own = present !== null && present >= uids.first && present <= uids.last
    if (own && (await take(present, dataDir))) return present
    for (let step = 0; step < count; step += 1) {
      const uid = uids.first + ((start + step) % count)
      if (!named.has(uid) && (await take(uid, dataDir))) return uid
    }
  } catch (error) {
    if (NOT_WRITABLE.has((error as NodeJS.ErrnoException).code ?? '')) return uids.first + start
    throw error
  }
  throw new EmbeddedPostgresError(
    `All user ids from ${uids.first} to ${uids.last} are taken; remove links from ${REGISTER} whose data folder is no ` +
      `more, or name more ids with --database-uids.`,
  )
}

/** True when the uid is this folder's, now or since before. */
async function take(uid: number, dataDir: string): Promise<boolean> {
  const path = join(REGISTER, String(uid))
  try {
    await symlink(dataDir, path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return (await readlink(path).catch(() => null)) === dataDir
  }
}

/** Uids that are an account's of this machine. */
async function namedUids(): Promise<ReadonlySet<number>> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return new Set(passwd.split('\n').map((line) => Number(line.split(':')[2])))
}

/** Frees uids of temporary data folders that are gone. Other ones may only be away for a while. */
async function sweep(): Promise<void> {
  for (const name of await readdir(REGISTER)) {
    const path = join(REGISTER, name)
    const dataDir = await readlink(path).catch(() => '')
    if (isTemporary(dataDir) && !(await isThere(dataDir))) await unlink(path).catch(() => undefined)
  }
}

/** True for a path below the system's folder for temporary files. */
export function isTemporary(path: string): boolean {
  return [tmpdir(), '/tmp'].some((folder) => path.startsWith(`${folder}/`))
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}

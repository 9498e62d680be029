import { chmod, lstat, mkdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { UidRange } from '../../config/uid-range.ts'
import { closedFolder } from '../../files/passable.ts'
import type { Log } from '../../observability/log.ts'
import { EmbeddedPostgresError } from './embedded-error.ts'
import { claimUid } from './uids.ts'

/** Whom PostgreSQL runs as when the server is root, which PostgreSQL refuses to be. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** `nobody`'s ids where `/etc/passwd` does not tell. */
const NOBODY: Account = { uid: 65_534, gid: 65_534 }

/** What decides on the account. */
export interface AccountOptions {
  readonly dataDir: string
  /** Where PostgreSQL's data is, or will be. */
  readonly cluster: string
  readonly uids: UidRange
  readonly log: Log | undefined
}

/**
 * The account for PostgreSQL: one that only this data folder has, so that no other server's PostgreSQL reaches its
 * files and processes. Null when the server is not root and PostgreSQL runs as the same user.
 *
 * It is `nobody`, whom others share, where no other can be: in a user namespace without the configured ids, and for data
 * that `nobody` has in a place that it alone may enter.
 */
export async function accountForPostgres(options: AccountOptions): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const { cluster, log, uids } = options
  const shared = await nobody()
  if (!(await exist(uids))) {
    log?.warn(
      { uids },
      'the user ids for the embedded PostgreSQL do not exist here, so it runs as nobody, whom others may share; name ' +
        'ids that exist with --database-uids',
    )
    return shared
  }
  const owner = await ownerOf(cluster)
  const uid = await claimUid(options, owner)
  const own = { uid, gid: uid }
  if (owner !== shared.uid || (await closedFolder(dirname(cluster), own)) === null) return own
  log?.warn({ cluster }, 'the data lies where only nobody may enter, so PostgreSQL goes on as nobody')
  return shared
}

/** A user that has a name, without rights. */
export async function nobody(): Promise<Account> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody')
  if (!fields) return NOBODY
  // Some systems write the ids as negative 32-bit numbers.
  return { uid: Number(fields[2]) >>> 0, gid: Number(fields[3]) >>> 0 }
}

/** False in a user namespace that does not have all of these ids, for users and for groups. */
async function exist({ first, last }: UidRange): Promise<boolean> {
  const maps = await Promise.all(
    ['uid_map', 'gid_map'].map((name) => readFile(join('/proc/self', name), 'utf8').catch(() => null)),
  )
  return maps.every((map) => {
    if (map === null) return true
    const ranges = map.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
    return ranges.some(([from = 0, , count = 0]) => from <= first && last < from + count)
  })
}

async function ownerOf(path: string): Promise<number | null> {
  return lstat(path).then(
    ({ uid }) => uid,
    () => null,
  )
}

/** Makes a folder of mode 0700. One that is there keeps its owner: somebody may be using it. */
export async function privateFolder(path: string): Promise<void> {
  await writable(path, async () => {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await chmod(path, 0o700)
  })
}

/** Codes of a place that cannot be written. */
const NOT_WRITABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC', 'EDQUOT', 'ENOENT'])

/** Runs `work` on files at `path` and says in one sentence when they cannot be written. */
export async function writable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!NOT_WRITABLE.has(code)) throw error
    throw new EmbeddedPostgresError(
      `The data folder cannot be written (${code} at ${(error as NodeJS.ErrnoException).path ?? path}); ` +
        `make it writable, or choose another with --data-dir.`,
      error,
    )
  }
}

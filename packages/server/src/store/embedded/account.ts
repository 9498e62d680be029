import { chmod, chown, mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { EmbeddedPostgresError } from './embedded-error.ts'

/** Whom PostgreSQL runs as when the server is root, which PostgreSQL refuses to be. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** `nobody`'s ids where `/etc/passwd` does not tell. */
const NOBODY: Account = { name: 'nobody', uid: 65_534, gid: 65_534 }

/** The account for PostgreSQL; null when the server is not root and PostgreSQL runs as the same user. */
export async function accountForPostgres(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return null
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === NOBODY.name)
  if (!fields) return NOBODY
  // Some systems write the ids as negative 32-bit numbers.
  return { name: NOBODY.name, uid: Number(fields[2]) >>> 0, gid: Number(fields[3]) >>> 0 }
}

/** The first folder on the way to `path` that the account may not enter, or null. Access lists are not looked at. */
export async function closedFolder(path: string, account: Account): Promise<string | null> {
  const folders: string[] = []
  for (let folder = resolve(path); ; folder = dirname(folder)) {
    folders.unshift(folder)
    if (folder === dirname(folder)) break
  }
  for (const folder of folders) {
    if (!mayEnter(await stat(folder), account)) return folder
  }
  return null
}

function mayEnter(stats: { uid: number; gid: number; mode: number }, account: Account): boolean {
  if (stats.uid === account.uid) return (stats.mode & 0o100) !== 0
  if (stats.gid === account.gid) return (stats.mode & 0o010) !== 0
  return (stats.mode & 0o001) !== 0
}

/** Makes a folder of mode 0700 that belongs to the account. */
export async function privateFolder(path: string, account: Account | null): Promise<void> {
  await writable(path, async () => {
    await mkdir(path, { recursive: true, mode: 0o700 })
    if (account) await chown(path, account.uid, account.gid)
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

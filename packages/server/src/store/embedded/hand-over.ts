import { lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.ts'
import { EmbeddedPostgresError } from './embedded-error.ts'

/**
 * Gives a folder and what is in it to the account, unless they are its own. Nothing may be running on it. Called as root
 * on files that another account could write: so a folder changes hands before its content is looked at, links are not
 * followed, and a file that has a second name elsewhere is refused.
 *
 * With `last`, a file in the folder, all is done when that file is the account's; a walk that was interrupted is taken up
 * again, and starts after it cost nothing.
 * @throws {EmbeddedPostgresError} for a file with a second name
 */
export async function handOver(folder: string, account: Account, last?: string): Promise<void> {
  if (last !== undefined && (await ownerOf(join(folder, last))) === account.uid) return
  await giveTo(account, folder)
  await giveContent(folder, account, last)
  if (last !== undefined) await giveTo(account, join(folder, last))
}

async function giveContent(folder: string, account: Account, except?: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name === except) continue
    const path = join(folder, entry.name)
    await giveTo(account, path)
    if (entry.isDirectory()) await giveContent(path, account)
  }
}

async function giveTo({ uid, gid }: Account, path: string): Promise<void> {
  const stats = await lstat(path).catch(ifGone)
  if (stats === null || (stats.uid === uid && stats.gid === gid)) return
  if (stats.isFile() && stats.nlink > 1)
    throw new EmbeddedPostgresError(
      `The file ${path} has a second name elsewhere (a hard link), so it cannot be given to PostgreSQL's account; ` +
        `replace it by a copy.`,
    )
  await lchown(path, uid, gid).catch(ifGone)
}

async function ownerOf(path: string): Promise<number | null> {
  return (await lstat(path).catch(ifGone))?.uid ?? null
}

/** Another start may have removed what a dead server left. */
function ifGone(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
}

import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { closedFolder } from '../../files/passable.ts'
import { type Account, writable } from './account.ts'
import { isPostmasterOf, readPostmasterFile } from './postmaster.ts'
import { isTemporary, SYSTEM_FOLDER } from './uids.ts'

/** Name of the link in the data folder that says where PostgreSQL's files went. */
const HOME_LINK = 'postgres-home'

/** Name of the file there that says which link that is. */
const OWNER_FILE = 'linked-from'

/**
 * Makes the data folder. Resolves to where PostgreSQL's data is, if it was made before.
 * @throws {EmbeddedPostgresError} when it cannot be made or written
 */
export async function prepareDataDir(dataDir: string): Promise<string> {
  return writable(dataDir, async () => {
    await mkdir(dirname(dataDir), { recursive: true })
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await mkdir(join(dataDir, 'keys'), { recursive: true, mode: 0o700 })
    // PostgreSQL's account may pass through, but not read.
    if (process.getuid?.() === 0) await chmod(dataDir, ((await stat(dataDir)).mode & 0o777) | 0o001)
    return clusterIn((await linked(dataDir)) ?? dataDir)
  })
}

/**
 * Says where PostgreSQL's own files go: to the data folder, or, when the account may not enter it (it lies in root's
 * home), to a folder of its own below {@link SYSTEM_FOLDER} that a link in the data folder names.
 * @throws {EmbeddedPostgresError} when it cannot be made or written
 */
export async function prepareHome(dataDir: string, account: Account | null): Promise<string> {
  return writable(dataDir, async () => {
    const elsewhere = await linked(dataDir)
    if (account === null) return elsewhere ?? dataDir
    if (elsewhere !== null) return makeHome(elsewhere)
    if ((await closedFolder(dataDir, account)) === null) return dataDir
    return makeHome(await linkHome(join(dataDir, HOME_LINK)))
  })
}

/** PostgreSQL's own data folder in its home. */
export function clusterIn(home: string): string {
  return join(home, 'postgres')
}

async function linked(dataDir: string): Promise<string | null> {
  return readlink(join(dataDir, HOME_LINK)).catch(() => null)
}

async function linkHome(link: string): Promise<string> {
  await mkdir(SYSTEM_FOLDER, { recursive: true, mode: 0o755 })
  await sweep()
  const home = join(SYSTEM_FOLDER, randomBytes(6).toString('hex'))
  try {
    await symlink(home, link)
    await makeHome(home)
    await writeFile(join(home, OWNER_FILE), link)
    return home
  } catch (error) {
    // Another start was faster.
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return readlink(link)
    throw error
  }
}

/** Removes what belonged to temporary data folders that are gone. Other ones may only be away for a while. */
async function sweep(): Promise<void> {
  for (const name of await readdir(SYSTEM_FOLDER)) {
    const home = join(SYSTEM_FOLDER, name)
    const link = await readFile(join(home, OWNER_FILE), 'utf8').catch(() => '')
    if (!isTemporary(link) || (await readlink(link).catch(() => null)) === home) continue
    const running = await readPostmasterFile(clusterIn(home))
    if (running && (await isPostmasterOf(home, running.pid))) continue
    await rm(home, { recursive: true, force: true })
  }
}

async function makeHome(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o711)
  return folder
}

import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Account, closedFolder, writable } from './account.ts'
import { isPostmasterOf, readPostmasterFile } from './postmaster.ts'

/** Where PostgreSQL's files go when its account may not enter the data folder. */
const SYSTEM_FOLDER = '/var/lib/cliscale'

/** Name of the link in the data folder that says where they went. */
const HOME_LINK = 'postgres-home'

/** Name of the file there that says which link that is. */
const OWNER_FILE = 'linked-from'

/**
 * Makes the data folder and says where PostgreSQL's own files go: there, or, when the account may not enter it (it
 * lies in root's home), in a folder of its own below {@link SYSTEM_FOLDER} that a link in the data folder names.
 * @throws {EmbeddedPostgresError} when it cannot be made or written
 */
export async function prepareHome(dataDir: string, account: Account | null): Promise<string> {
  return writable(dataDir, async () => {
    await mkdir(dirname(dataDir), { recursive: true })
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await mkdir(join(dataDir, 'keys'), { recursive: true, mode: 0o700 })
    const link = join(dataDir, HOME_LINK)
    const elsewhere = await readlink(link).catch(() => null)
    if (account === null) return elsewhere ?? dataDir
    if (elsewhere !== null) return makeHome(elsewhere)
    // It may pass through, but not read.
    await chmod(dataDir, ((await stat(dataDir)).mode & 0o777) | 0o001)
    if ((await closedFolder(dataDir, account)) === null) return dataDir
    return makeHome(await linkHome(link))
  })
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
    const temporary = [tmpdir(), '/tmp'].some((folder) => link.startsWith(`${folder}/`))
    if (!temporary || (await readlink(link).catch(() => null)) === home) continue
    const running = await readPostmasterFile(join(home, 'postgres'))
    if (running && (await isPostmasterOf(home, running.pid))) continue
    await rm(home, { recursive: true, force: true })
  }
}

async function makeHome(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o711)
  return folder
}

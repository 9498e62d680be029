import { randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closedFolder } from '../../files/passable.ts'
import { type Account, privateFolder } from './account.ts'
import { EmbeddedPostgresError } from './embedded-error.ts'

/** Name of PostgreSQL's socket on its usual port. */
const SOCKET = '.s.PGSQL.5432'

/** Longest socket address that every system takes (macOS: 104 bytes with the final zero). */
const MAX_ADDRESS_BYTES = 100

/** Prefix of folders in the system's folder for temporary files. */
const TEMPORARY = 'cliscale-pg-'

/**
 * A private folder for the socket: beside the data where its path is short enough and its file system knows
 * sockets, else among the temporary files.
 */
export async function makeSocketFolder(home: string, account: Account | null): Promise<string> {
  const inData = join(home, 'pg')
  if (fits(inData)) {
    await privateFolder(inData)
    if (await takesSockets(inData)) return inData
  }
  for (const temporary of new Set([tmpdir(), '/tmp'])) {
    if (!fits(join(temporary, `${TEMPORARY}123456`))) continue
    if (account && (await closedFolder(temporary, account)) !== null) continue
    const folder = await mkdtemp(join(temporary, TEMPORARY))
    if (account) await chown(folder, account.uid, account.gid)
    await chmod(folder, 0o700)
    if (await takesSockets(folder)) return folder
    await rm(folder, { recursive: true, force: true })
  }
  throw new EmbeddedPostgresError(
    `There is no place for PostgreSQL's socket: the path of ${inData} is too long or its file system has no ` +
      `sockets, nor has ${tmpdir()}; choose a shorter --data-dir.`,
  )
}

/** Removes a folder that {@link makeSocketFolder} made among the temporary files. */
export async function removeSocketFolder(folder: string): Promise<void> {
  const name = folder.split('/').at(-1) ?? ''
  const stats = await lstat(folder).catch(() => null)
  if (name.startsWith(TEMPORARY) && stats?.isDirectory()) await rm(folder, { recursive: true, force: true })
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, SOCKET)) <= MAX_ADDRESS_BYTES
}

async function takesSockets(folder: string): Promise<boolean> {
  // A name of its own: a start at the same time tries too.
  const path = join(folder, `.try-${randomBytes(3).toString('hex')}`)
  const server = createServer()
  const listening = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(path, () => resolve(true))
  })
  if (listening) await new Promise((resolve) => server.close(resolve))
  return listening
}

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chown, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readKeyFile, readOrCreateKeyFile } from '../../files/key-file.ts'
import type { Log } from '../../observability/log.ts'
import { type Account, writable } from './account.ts'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from './embedded-error.ts'

/** Superuser and database of the embedded server. */
export const CLUSTER_USER = 'cliscale'

/** What it takes to make or find the data. */
export interface ClusterOptions {
  /** Keeps the password, in `keys/`. */
  readonly dataDir: string
  /** Keeps PostgreSQL's own files. */
  readonly home: string
  readonly binaries: Binaries
  readonly account: Account | null
  readonly log: Log | undefined
}

/** Data that a server can be started on. */
export interface Cluster {
  /** PostgreSQL's own data folder. */
  readonly folder: string
  readonly password: string
}

/**
 * Makes the data on the first start, and checks it on later ones. It is built beside its place and renamed, so a
 * start that was interrupted leaves nothing half done and two starts at once leave one.
 */
export async function ensureCluster(options: ClusterOptions): Promise<Cluster> {
  const folder = join(options.home, 'postgres')
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch(() => null)
  const password = await ensurePassword(options.dataDir, version !== null)
  if (version === null) await initialise(options, folder, password)
  else if (version.trim() !== options.binaries.majorVersion) {
    throw new EmbeddedPostgresError(
      `The data in ${folder} is of PostgreSQL ${version.trim()}, but this release brings ` +
        `${options.binaries.majorVersion}; dump it with the release that made it, or choose another --data-dir.`,
    )
  }
  return { folder, password }
}

/**
 * The password of the data, made with it. Starts at once get the same one.
 * @throws {EmbeddedPostgresError} when the data is there and its password is not
 * @throws {KeyFileError} when its file can be read by others, or cannot be read or written
 */
export async function ensurePassword(dataDir: string, mustExist: boolean): Promise<string> {
  const file = join(dataDir, 'keys', 'postgres.password')
  const make = (): Buffer => Buffer.from(randomBytes(24).toString('base64url'))
  const kept = await (mustExist ? readKeyFile(file) : readOrCreateKeyFile(file, make))
  const password = kept?.toString().trim() ?? ''
  if (password !== '') return password
  throw new EmbeddedPostgresError(
    `The password of the data in ${dataDir} is missing from ${file}; put the file back from a backup, or choose ` +
      `another --data-dir.`,
  )
}

async function initialise(options: ClusterOptions, folder: string, password: string): Promise<void> {
  const { account, home, log } = options
  log?.info({ folder }, 'making the database on first start')
  await writable(home, () => removeAbandoned(home))
  const staging = await writable(home, () => mkdtemp(join(home, `${STAGING}${process.pid}-`)))
  const secret = await writable(home, () => mkdtemp(join(home, `${STAGING}${process.pid}-`)))
  try {
    const passwordFile = join(secret, 'password')
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (account) {
      for (const path of [staging, secret, passwordFile]) await chown(path, account.uid, account.gid)
    }
    await runInitdb(options, staging, passwordFile)
    await rename(staging, folder).catch((error: NodeJS.ErrnoException) => {
      // Another start was faster; its data has the same password.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(secret, { recursive: true, force: true })
    await rm(staging, { recursive: true, force: true })
  }
}

/** Prefix of folders in the making; the maker's pid follows. */
const STAGING = 'postgres-new-'

/** Removes what starts left behind that were killed. */
async function removeAbandoned(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    const maker = name.startsWith(STAGING) ? Number.parseInt(name.slice(STAGING.length), 10) : Number.NaN
    if (!Number.isNaN(maker) && !isAlive(maker)) await rm(join(home, name), { recursive: true, force: true })
  }
}

/** True while a process of this number exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

async function runInitdb(options: ClusterOptions, folder: string, passwordFile: string): Promise<void> {
  const { account, binaries } = options
  const args = [
    `--pgdata=${folder}`,
    `--username=${CLUSTER_USER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
    '--no-instructions',
  ]
  const child = spawn(binaries.initdb, args, {
    cwd: '/',
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output = (output + text).slice(-4_000)
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', (error) => reject(cannotRun(binaries.initdb, error)))
    child.once('close', resolve)
  })
  if (code === 0) return
  throw new EmbeddedPostgresError(
    `PostgreSQL could not make its data in ${folder} (initdb ended with ${String(code)}): ${lastLine(output)}`,
  )
}

/** The sentence for a program that the system does not run. */
export function cannotRun(program: string, error: Error): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The embedded PostgreSQL cannot be run on this system (${program}: ${error.message}); set DATABASE_URL to a ` +
      `PostgreSQL server of your own.`,
    error,
  )
}

/** The last line that is not empty. */
export function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}

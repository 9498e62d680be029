import { spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readKeyFile, readOrCreateKeyFile } from '../../files/key-file.ts'
import type { Log } from '../../observability/log.ts'
import { type Account, nobody, writable } from './account.ts'
import type { Binaries } from './binaries.ts'
import { cannotRun, EmbeddedPostgresError, lastLine } from './embedded-error.ts'
import { handOver } from './hand-over.ts'
import { clusterIn } from './home.ts'

/** The superuser, as whom only the supervisor connects. */
export const SUPERUSER = 'cliscale'

/** The role as which everything else connects. It has the database {@link DATABASE} and no right beyond. */
export const APPLICATION_ROLE = 'cliscale_app'

/** The application's database. */
export const DATABASE = 'cliscale'

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
  /** Of {@link SUPERUSER}. */
  readonly password: string
  /** Of {@link APPLICATION_ROLE}: follows from the other one, which does not follow from it. */
  readonly applicationPassword: string
}

/** The file of a {@link Cluster} that PostgreSQL's account gets last. */
export const VERSION_FILE = 'PG_VERSION'

/**
 * Makes the data on the first start, and checks it on later ones. It is built beside its place and renamed, so a
 * start that was interrupted leaves nothing half done and two starts at once leave one.
 */
export async function ensureCluster(options: ClusterOptions): Promise<Cluster> {
  const folder = clusterIn(options.home)
  const version = await readFile(join(folder, VERSION_FILE), 'utf8').catch(() => null)
  const password = await ensurePassword(options.dataDir, version !== null)
  if (version === null) await initialise(options, folder, password)
  else if (version.trim() !== options.binaries.majorVersion) {
    throw new EmbeddedPostgresError(
      `The data in ${folder} is of PostgreSQL ${version.trim()}, but this release brings ` +
        `${options.binaries.majorVersion}; dump it with the release that made it, or choose another --data-dir.`,
    )
  }
  const applicationPassword = createHmac('sha256', password)
    .update(`cliscale-postgres\n${APPLICATION_ROLE}`)
    .digest('base64url')
  return { folder, password, applicationPassword }
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
  const data = join(staging, 'data')
  const passwordFile = join(staging, 'password')
  const maker = account && (await makerFor(account))
  try {
    await mkdir(data, { mode: 0o700 })
    await writeFile(passwordFile, password, { mode: 0o600 })
    if (maker) {
      for (const path of [data, passwordFile]) await chown(path, maker.uid, maker.gid)
      await chown(staging, 0, maker.gid)
      await chmod(staging, 0o710)
    }
    await runInitdb(options.binaries, { folder: data, passwordFile, account: maker })
    if (account) await handOver(data, account, VERSION_FILE)
    await rename(data, folder).catch((error: NodeJS.ErrnoException) => {
      // Another start was faster; its data has the same password.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/**
 * Whom initdb runs as: it wants a user with a name, which the account has not. So it is `nobody` with the account's
 * group, in a folder that only the group may enter: other processes of `nobody` can neither reach the data nor trace
 * the program.
 */
async function makerFor(account: Account): Promise<Account> {
  return { uid: (await nobody()).uid, gid: account.gid }
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

interface InitdbOptions {
  readonly folder: string
  readonly passwordFile: string
  readonly account: Account | null
}

async function runInitdb(binaries: Binaries, options: InitdbOptions): Promise<void> {
  const { account, folder, passwordFile } = options
  const args = [
    `--pgdata=${folder}`,
    `--username=${SUPERUSER}`,
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

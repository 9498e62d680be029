import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { closedFolder } from '../../../files/passable.ts'
import { CodedError } from '../../../http/coded-error.ts'
import { releaseFolder, removeOtherReleases } from './by-release.ts'
import type { RunnerFolders } from './runner-folder.ts'

/** The program of runners, and what runs it. */
export interface RunnerSoftware {
  /** Its JavaScript or, in a checkout, TypeScript file. */
  readonly entry: string
  readonly node: string
  /** Of the runner's package; `0` where there is none. */
  readonly version: string
}

const NATIVE = '@lydell/node-pty'

/**
 * The runner's program where its user can read it. What lies in a folder that it may not pass, root's home most of all,
 * is copied once beside the work folders.
 *
 * @param entry default: the entry of the installed `@cliscale/runner`
 * @throws {CodedError} `START_FAILED` when there is nothing that could be copied
 */
export async function reachableSoftware(
  entry: string | undefined,
  { folders, user }: { readonly folders: RunnerFolders; readonly user: number | null },
): Promise<RunnerSoftware> {
  const found = entry ?? fileURLToPath(import.meta.resolve('@cliscale/runner'))
  const software = { entry: found, node: process.execPath, version: await versionOf(found) }
  if (user === null || !existsSync(found)) return software
  const reader = { uid: user, gid: user }
  const closed =
    (await closedFolder(dirname(found), reader)) ?? (await closedFolder(dirname(process.execPath), reader))
  return closed === null ? software : copyOf(software, folders)
}

async function versionOf(entry: string): Promise<string> {
  const text = await readFile(join(dirname(entry), '..', 'package.json'), 'utf8').catch(() => '{}')
  const { version } = JSON.parse(text) as { readonly version?: unknown }
  return typeof version === 'string' ? version : '0'
}

/** Another server of the installation may copy at the same time: each builds beside the place, and one gets it. */
async function copyOf(software: RunnerSoftware, folders: RunnerFolders): Promise<RunnerSoftware> {
  const built = join(dirname(software.entry), '..', 'dist', 'main.js')
  const text = await readFile(built).catch(() => null)
  if (text === null) {
    throw new CodedError(
      'START_FAILED',
      `Users of sessions cannot read ${software.entry}, and there is no build to copy; run npm run build, or install where every user may read.`,
    )
  }
  const place = releaseFolder(folders.work, 'software', text)
  if (!existsSync(place)) await build(built, place)
  await removeOtherReleases(folders.work, 'software', place)
  return { ...software, entry: join(place, 'runner', 'dist', 'main.js'), node: join(place, 'node') }
}

async function build(main: string, place: string): Promise<void> {
  const draft = `${place}.${randomBytes(6).toString('hex')}`
  const require = createRequire(main)
  const platform = `${NATIVE}-${process.platform}-${process.arch}`
  try {
    await mkdir(draft, { mode: 0o755 })
    await cp(dirname(main), join(draft, 'runner', 'dist'), { recursive: true })
    await cp(join(dirname(main), '..', 'package.json'), join(draft, 'runner', 'package.json'))
    const own = dirname(require.resolve(`${NATIVE}/package.json`))
    await cp(own, join(draft, 'node_modules', NATIVE), { recursive: true, dereference: true })
    const native = dirname(createRequire(join(own, 'package.json')).resolve(`${platform}/package.json`))
    await cp(native, join(draft, 'node_modules', platform), { recursive: true, dereference: true })
    await cp(process.execPath, join(draft, 'node'), { dereference: true })
    await openToAll(draft)
    await rename(draft, place)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    if (!existsSync(place)) throw error
  }
}

async function openToAll(path: string): Promise<void> {
  const isFolder = (await stat(path)).isDirectory()
  await chmod(path, 0o755)
  if (isFolder) for (const name of await readdir(path)) await openToAll(join(path, name))
}

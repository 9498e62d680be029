import { createHash } from 'node:crypto'
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  rmdir,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isObject } from '@cliscale/sdk/protocol'
import { closedFolder } from '../../../files/passable.ts'
import { CodedError } from '../../../http/coded-error.ts'
import type { RunnerAddress } from '../../driver.ts'
import type { ProcessIdentity } from '../processes/process-table.ts'
import { LONGEST_RUNNER_ID, MAX_SOCKET_PATH } from '../limits.ts'

const RUNNER_ID = /^run_[A-Za-z0-9_-]{16,64}$/

const SOCKET_NAME = 's'

/** Where runners of one data folder keep what is theirs. */
export interface RunnerFolders {
  /** Private folders with socket, log and pid: `<runtime>/<runner id>`. */
  readonly runtime: string
  /** What sessions write to: `<work>/<runner id>/home` and `tmp`. */
  readonly work: string
  /** Recordings that runners write: `<recordings>/<runner id>/<runner id>.cast`. */
  readonly recordings: string
  /** Compiled code of the runner, so that the next one starts faster. */
  readonly compileCache: string
}

/** The paths of one runner. */
export interface RunnerPaths {
  readonly folder: string
  readonly socket: string
  readonly log: string
  readonly pid: string
  /** Holds the next two. */
  readonly work: string
  /** The session's work folder. */
  readonly home: string
  /** Its temporary files. */
  readonly temporary: string
  /** Its recording. */
  readonly recording: string
  readonly address: RunnerAddress
}

/** Where the work folders of a root server go when users of sessions may not pass the way to its data folder. */
const SYSTEM_FOLDER = '/var/lib/cliscale'

/**
 * Makes the folders. The runtime folder stands in the data folder, or in the system's temporary folder when socket
 * paths below the data folder would be longer than a socket address can hold.
 *
 * @param anyUser a user of sessions, when they are not the server's own: the way to the work folders must be open to it
 * @throws {CodedError} `WORK_FOLDER_UNUSABLE` when one cannot be made or belongs to somebody else
 */
export async function prepareFolders(dataFolder: string, anyUser: number | null): Promise<RunnerFolders> {
  const folders = {
    runtime: runtimeFolder(dataFolder),
    work: join(dataFolder, 'work'),
    recordings: join(dataFolder, 'recordings', 'runners'),
    compileCache: join(dataFolder, 'cache', 'runner'),
  }
  for (const folder of Object.values(folders)) {
    await privateFolder(folder).catch((error: unknown) => {
      throw unusable(folder, error)
    })
  }
  if (anyUser === null) return folders
  return { ...folders, work: await passableFolder(dataFolder, folders.work, anyUser) }
}

/** A folder that users of sessions may pass through, but not read. */
async function passableFolder(dataFolder: string, preferred: string, user: number): Promise<string> {
  await chmod(dataFolder, ((await stat(dataFolder)).mode & 0o777) | 0o001)
  await chmod(preferred, 0o711)
  if ((await closedFolder(preferred, { uid: user, gid: user })) === null) return preferred
  const elsewhere = join(SYSTEM_FOLDER, `work-${markOf(dataFolder)}`)
  try {
    await mkdir(SYSTEM_FOLDER, { recursive: true, mode: 0o755 })
    await privateFolder(elsewhere)
    await chmod(elsewhere, 0o711)
    return elsewhere
  } catch (error) {
    throw unusable(elsewhere, error)
  }
}

/** The paths of a runner. @throws {CodedError} `BAD_REQUEST` for an id that is not one */
export function pathsOf(folders: RunnerFolders, runnerId: string): RunnerPaths {
  if (!isRunnerId(runnerId)) throw new CodedError('BAD_REQUEST', 'This is not the id of a runner.')
  const folder = join(folders.runtime, runnerId)
  const socket = join(folder, SOCKET_NAME)
  const work = join(folders.work, runnerId)
  return {
    folder,
    socket,
    log: join(folder, 'log'),
    pid: join(folder, 'pid'),
    work,
    home: join(work, 'home'),
    temporary: join(work, 'tmp'),
    recording: join(folders.recordings, runnerId),
    address: `unix:${socket}`,
  }
}

/** Ids of all runners that left a folder. */
export async function listFolders(folders: RunnerFolders): Promise<string[]> {
  const names = await Promise.all([readdir(folders.runtime), readdir(folders.work)])
  return [...new Set(names.flat().filter(isRunnerId))]
}

/** Makes a runner's folders. False when its private folder is there already. @throws {CodedError} `WORK_FOLDER_UNUSABLE` */
export async function createFolders(paths: RunnerPaths): Promise<boolean> {
  try {
    await mkdir(paths.folder, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw unusable(paths.folder, error)
  }
  try {
    for (const folder of theirs(paths)) await mkdir(folder, { mode: 0o700, recursive: true })
  } catch (error) {
    await rm(paths.folder, { recursive: true, force: true })
    throw unusable(paths.work, error)
  }
  return true
}

/** Gives the folders that a session writes to, and the one that its runner records to, to a user of their own. */
export async function giveFolders(paths: RunnerPaths, user: number): Promise<void> {
  for (const folder of theirs(paths)) await giveFolder(folder, user)
}

/** Gives one folder to a user and its group. */
export async function giveFolder(folder: string, user: number): Promise<void> {
  await chown(folder, user, user)
}

/** The user of a session's own; null when it has none, and when its folders are gone. */
export async function userOf(paths: RunnerPaths): Promise<number | null> {
  const owner = await stat(paths.work).then(
    ({ uid }) => uid,
    () => null,
  )
  return owner === null || owner === process.getuid?.() ? null : owner
}

function theirs(paths: RunnerPaths): readonly string[] {
  return [paths.work, paths.home, paths.temporary, paths.recording]
}

/** Frees all that a runner left on disk. */
export async function removeFolders(paths: RunnerPaths): Promise<void> {
  await removeTree(paths.work)
  await removeTree(paths.folder)
  // A recording outlives its runner.
  await rmdir(paths.recording).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error
  })
}

/** Notes which process the runner is. A reader sees all of it or nothing. */
export async function writeIdentity(paths: RunnerPaths, identity: ProcessIdentity): Promise<void> {
  const draft = `${paths.pid}.new`
  await writeFile(draft, JSON.stringify(identity), { mode: 0o600 })
  await rename(draft, paths.pid)
}

/** Which process the runner is; null when that was never noted. */
export async function readIdentity(paths: RunnerPaths): Promise<ProcessIdentity | null> {
  const text = await readFile(paths.pid, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  })
  if (text === null) return null
  const value: unknown = JSON.parse(text)
  if (!isObject(value) || typeof value.pid !== 'number' || typeof value.startedAt !== 'string') return null
  return { pid: value.pid, startedAt: value.startedAt }
}

/** True for what may be the id of a runner. */
export function isRunnerId(name: string): boolean {
  return RUNNER_ID.test(name)
}

/** Folder below which the sockets of a data folder's runners lie. */
export function runtimeFolder(dataFolder: string): string {
  const inside = join(dataFolder, 'run')
  const longest = Buffer.byteLength(inside) + 1 + LONGEST_RUNNER_ID + 1 + SOCKET_NAME.length
  if (longest <= MAX_SOCKET_PATH) return inside
  return join(tmpdir(), `cliscale-${markOf(dataFolder)}`)
}

function markOf(dataFolder: string): string {
  return createHash('sha256').update(dataFolder).digest('base64url').slice(0, 12)
}

/** A folder that only this user can enter; one that another user put there before is refused. */
async function privateFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const found = await lstat(path)
  if (!found.isDirectory() || found.uid !== process.getuid?.()) throw new Error('it belongs to somebody else')
  await chmod(path, 0o700)
}

/** Removes a tree of a session, also one whose folders were made read-only. Symbolic links are not followed. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    await makeWritable(path)
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function makeWritable(path: string): Promise<void> {
  await chmod(path, 0o700)
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await makeWritable(join(path, entry.name))
  }
}

function unusable(path: string, cause: unknown): CodedError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new CodedError('WORK_FOLDER_UNUSABLE', `The folder ${path} cannot be used: ${why}.`, { cause })
}

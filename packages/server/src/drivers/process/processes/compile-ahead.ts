import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { runnerEnvironment } from '../config.ts'
import { COMPILE_DEADLINE_MS, COMPILE_LIFE_MS } from '../limits.ts'
import { releaseFolder, removeOtherReleases } from '../folders/by-release.ts'
import { giveFolder, type RunnerFolders } from '../folders/runner-folder.ts'
import type { SessionUsers } from '../isolation/session-users.ts'
import { isolationFlags, nameless, type RunnerProgram, SECRET_FD } from './launch.ts'

/** Where the runner that rehearses keeps what it compiles, in its own folder. */
const CACHE = 'cache'

/** What a compilation ahead is made with. */
export interface CompileAhead {
  readonly program: RunnerProgram
  readonly folders: RunnerFolders
  readonly users: SessionUsers
  /** As {@link compiledFolder} says it. */
  readonly place: string
}

/** Where the compiled code of a program lies that users of sessions run: they can read it, and only this server can write it. */
export async function compiledFolder(work: string, entry: string): Promise<string> {
  return releaseFolder(work, 'compiled', await readFile(entry).catch(() => ''))
}

/**
 * Has Node keep what it compiles of a runner. One that root started cannot do it: it becomes a session's user before most
 * of its code is loaded, and that user may neither write where others read nor read what root wrote. So one runner that
 * nobody can reach is such a user from its first moment, plays its rehearsal through, ends, and what it compiled becomes the
 * server's.
 *
 * Nothing happens when it was done before. Without it runners start slower, so a failure is told and no more.
 */
export async function compileAhead(ahead: CompileAhead, signal: AbortSignal): Promise<void> {
  const { place } = ahead
  if (existsSync(place)) return
  const folder = await mkdtemp(join(ahead.folders.work, 'trial-'))
  const user = await ahead.users.take(folder)
  try {
    await rehearse(ahead, { folder, user, signal })
    const draft = `${place}.${randomBytes(6).toString('hex')}`
    await takeOver(join(folder, CACHE), { draft, user })
    await rename(draft, place).catch(async (error: unknown) => {
      await rm(draft, { recursive: true, force: true })
      // Another server of the installation was faster.
      if (!existsSync(place)) throw error
    })
    await removeOtherReleases(ahead.folders.work, 'compiled', place)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await ahead.users.giveBack(user, folder)
  }
}

async function rehearse(
  { program, folders }: CompileAhead,
  { folder, user, signal }: { folder: string; user: number; signal: AbortSignal },
): Promise<void> {
  const paths = {
    home: join(folder, 'home'),
    temporary: join(folder, 'tmp'),
    socket: join(folder, 'run'),
    cache: join(folder, CACHE),
  }
  for (const path of [...Object.values(paths), folder]) {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await giveFolder(path, user)
  }
  const secret = nameless(folders.runtime, randomBytes(32).toString('base64url'))
  try {
    const flags = [
      ['--listen', `unix:${join(paths.socket, 's')}`],
      ['--runner-id', `run_${randomBytes(16).toString('base64url')}`],
      ['--secret-file', `/dev/fd/${SECRET_FD}`],
      ['--blank-timeout-ms', String(COMPILE_LIFE_MS)],
      isolationFlags(program.policy, { work: paths.home, temporary: paths.temporary, user: null }),
    ].flat()
    const child = spawn(program.node, [...program.nodeOptions, program.entry, ...flags], {
      uid: user,
      gid: user,
      cwd: '/',
      env: runnerEnvironment(paths.home, paths.cache),
      stdio: ['ignore', 'ignore', 'ignore', secret],
    })
    await ended(child, AbortSignal.any([signal, AbortSignal.timeout(COMPILE_DEADLINE_MS)]))
  } finally {
    closeSync(secret)
  }
}

/** Waits for its end, also when it is killed because of the signal: until then it writes into its folder. */
async function ended(child: ChildProcess, signal: AbortSignal): Promise<void> {
  const kill = (): void => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  try {
    if (signal.aborted) kill()
    giveWay(child.pid)
    const [code, by] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    if (code !== 0) throw new Error(`the runner that compiles ahead ended with ${by ?? code}`)
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** Sessions go first. */
function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It ended already.
  }
}

/** Copies what Node kept; it has a folder for each release and user, whose number is the end of its name. */
async function takeOver(cache: string, { draft, user }: { draft: string; user: number }): Promise<void> {
  await mkdir(draft, { mode: 0o755 })
  for (const name of await readdir(cache)) {
    const own = new RegExp(`^[\\w.-]+-${user}$`).test(name)
    if (!own) continue
    const folder = join(draft, name.replace(/\d+$/, String(process.getuid?.() ?? 0)))
    await mkdir(folder, { mode: 0o755 })
    for (const file of await readdir(join(cache, name))) {
      const from = join(cache, name, file)
      if (!(await lstat(from)).isFile()) continue
      // A copy made by the system would stay that user's.
      await writeFile(join(folder, file), await readFile(from), { mode: 0o644, flag: 'wx' })
    }
  }
}

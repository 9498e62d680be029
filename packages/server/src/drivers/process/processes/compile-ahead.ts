import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync } from 'node:fs'
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { runnerEnvironment } from '../config.ts'
import { COMPILE_DEADLINE_MS, COMPILE_LIFE_MS } from '../limits.ts'
import { giveFolder, type RunnerFolders } from '../folders/runner-folder.ts'
import type { SessionUsers } from '../isolation/session-users.ts'
import { isolationFlags, nameless, type RunnerProgram, SECRET_FD } from './launch.ts'

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
  const text = await readFile(entry).catch(() => '')
  const mark = createHash('sha256').update(text).update(process.version).digest('base64url').slice(0, 16)
  return join(work, `compiled-${mark}`)
}

/**
 * Has Node keep what it compiles of a runner. One that root started cannot do it: it becomes a session's user before most
 * of its code is loaded, and that user may neither write where others read nor read what root wrote. So one runner that
 * nobody can reach is such a user from its first moment, plays its rehearsal through, ends, and what it compiled becomes the
 * server's. It saves each start a third of the runner's own processor time.
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
    await takeOver(join(folder, 'cache'), { draft, user })
    await rename(draft, place).catch(async (error: unknown) => {
      await rm(draft, { recursive: true, force: true })
      // Another server of the installation was faster.
      if (!existsSync(place)) throw error
    })
    await removeOthers(ahead.folders.work, place)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await ahead.users.giveBack(user, folder)
  }
}

async function rehearse(
  { program, folders }: CompileAhead,
  { folder, user, signal }: { folder: string; user: number; signal: AbortSignal },
): Promise<void> {
  const [work, temporary, socket, cache] = ['home', 'tmp', 'run', 'cache'].map((name) => join(folder, name))
  if (work === undefined || temporary === undefined || socket === undefined || cache === undefined) return
  for (const path of [work, temporary, socket, cache]) await mkdir(path, { mode: 0o700 })
  for (const path of [folder, work, temporary, socket, cache]) await giveFolder(path, user)
  const secret = nameless(folders.runtime, randomBytes(32).toString('base64url'))
  try {
    const flags = [
      ['--listen', `unix:${join(socket, 's')}`],
      ['--runner-id', `run_${randomBytes(16).toString('base64url')}`],
      ['--secret-file', `/dev/fd/${SECRET_FD}`],
      ['--blank-timeout-ms', String(COMPILE_LIFE_MS)],
      isolationFlags(program.policy, { work, temporary, user: null }),
    ].flat()
    const child = spawn(program.node, [...program.nodeOptions, program.entry, ...flags], {
      uid: user,
      gid: user,
      cwd: '/',
      env: runnerEnvironment(work, cache),
      stdio: ['ignore', 'ignore', 'ignore', secret],
      signal: AbortSignal.any([signal, AbortSignal.timeout(COMPILE_DEADLINE_MS)]),
      killSignal: 'SIGKILL',
    })
    const ended = once(child, 'exit')
    // Sessions go first.
    if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW)
    const [code] = (await ended) as [number | null]
    if (code !== 0) throw new Error(`the runner that compiles ahead ended with ${code ?? 'a signal'}`)
  } finally {
    closeSync(secret)
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

/** Those of earlier releases. */
async function removeOthers(work: string, place: string): Promise<void> {
  const names = (await readdir(work)).filter((name) => /^compiled-[\w-]{16}$/.test(name))
  for (const name of names) {
    if (join(work, name) !== place) await rm(join(work, name), { recursive: true, force: true })
  }
}

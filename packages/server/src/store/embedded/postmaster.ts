import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Log } from '../../observability/log.ts'
import type { Account } from './account.ts'
import { cannotRun } from './embedded-error.ts'

/** A running server as its `postmaster.pid` tells (PostgreSQL 18, "Database File Layout"). */
export interface PostmasterFile {
  readonly pid: number
  /** Null while it starts. */
  readonly socketFolder: string | null
}

/** Reads who runs on the data; null when nobody says so. */
export async function readPostmasterFile(folder: string): Promise<PostmasterFile | null> {
  const text = await readFile(join(folder, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isSafeInteger(pid) || pid <= 1) return null
  return { pid, socketFolder: lines[4]?.trim() || null }
}

/** True when `pid` is a PostgreSQL server on this data: not a stranger that got the number of a dead one, no zombie. */
export async function isPostmasterOf(folder: string, pid: number): Promise<boolean> {
  const command = await commandLine(pid)
  return command.includes('postgres') && command.includes(folder)
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === 'linux') return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const ps = promisify(execFile)('ps', ['-ww', '-o', 'command=', '-p', String(pid)])
  return ps.then(
    ({ stdout }) => stdout,
    () => '',
  )
}

/** What a server is started with. */
export interface PostmasterOptions {
  readonly program: string
  readonly folder: string
  readonly socketFolder: string
  readonly account: Account | null
  readonly log: Log | undefined
  /** PostgreSQL settings beside the defaults. */
  readonly settings: Readonly<Record<string, string>>
}

/** Small: one server with a pool of ten, a few megabytes of data. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '60',
  shared_buffers: '32MB',
  max_wal_size: '128MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  io_method: 'sync',
  autovacuum_worker_slots: '2',
  autovacuum_max_workers: '1',
  jit: 'off',
  // Neither statements nor the values of a broken constraint may reach a log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

/** Lines of output that are kept to explain an exit. */
const KEPT_LINES = 20

/** A server process of our own. */
export interface Postmaster {
  readonly pid: number
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>
  readonly alive: boolean
  /** The last lines that it wrote. */
  readonly output: readonly string[]
  /** `SIGINT`: fast shutdown. `SIGQUIT`: at once, recovered at the next start. */
  kill(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): void
}

/**
 * Starts a server, which is not yet ready when this returns. It is in a process group of its own, so a Ctrl-C in the
 * terminal reaches the server first. Its output ends in the log; when this process dies, PostgreSQL goes on without.
 */
export function startPostmaster(options: PostmasterOptions): Postmaster {
  const { account, folder, program } = options
  // A list, in which quotes keep a comma.
  const socketFolders = `"${options.socketFolder.replaceAll('"', '""')}"`
  const settings = { ...SETTINGS, ...options.settings, unix_socket_directories: socketFolders }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(program, ['-D', folder, ...args], {
    cwd: '/',
    detached: true,
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(account ? { uid: account.uid, gid: account.gid } : {}),
  })
  return new PostmasterChild(child, options)
}

class PostmasterChild implements Postmaster {
  readonly exited: Promise<void>
  readonly output: string[] = []
  readonly #child: ChildProcess
  #alive = true

  constructor(child: ChildProcess, { log, program }: PostmasterOptions) {
    this.#child = child
    const { promise, resolve } = Promise.withResolvers<void>()
    this.exited = promise
    const over = (): void => {
      this.#alive = false
      resolve()
    }
    child.once('exit', over)
    child.once('error', (error) => {
      this.output.push(cannotRun(program, error).message)
      over()
    })
    if (child.stderr) {
      createInterface({ input: child.stderr }).on('line', (line) => this.#note(line, log))
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get alive(): boolean {
    return this.#alive
  }

  kill(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): void {
    if (this.#alive) this.#child.kill(signal)
  }

  #note(line: string, log: Log | undefined): void {
    this.output.push(line)
    if (this.output.length > KEPT_LINES) this.output.shift()
    if (/\b(WARNING|ERROR|FATAL|PANIC):/.test(line))
      log?.warn({ postgres: line }, 'PostgreSQL reports a problem')
    else log?.debug({ postgres: line }, 'PostgreSQL')
  }
}

import { realpath, rm } from 'node:fs/promises'
import { join, resolve as absolute } from 'node:path'
import { DATABASE_UIDS, type UidRange } from '../../config/uid-range.ts'
import type { Log } from '../../observability/log.ts'
import { type Account, accountForPostgres } from './account.ts'
import { type Binaries, findBinaries } from './binaries.ts'
import { writeClientRules } from './client-authentication.ts'
import {
  APPLICATION_ROLE,
  type Cluster,
  DATABASE,
  ensureCluster,
  isAlive,
  SUPERUSER,
  VERSION_FILE,
} from './cluster.ts'
import { EmbeddedPostgresError, lastLine } from './embedded-error.ts'
import { handOver } from './hand-over.ts'
import { prepareDataDir, prepareHome } from './home.ts'
import { type Ownership, claimOwnership } from './ownership.ts'
import { isPostmasterOf, type Postmaster, readPostmasterFile, startPostmaster } from './postmaster.ts'
import { makeSocketFolder, removeSocketFolder } from './socket-folder.ts'
import { until } from './until.ts'

/** Settings of {@link startEmbeddedPostgres}. */
export interface EmbeddedPostgresOptions {
  /** Folder of everything that the server keeps; made when missing. */
  readonly dataDir: string
  readonly log?: Log
  /** Gives the start up. */
  readonly signal?: AbortSignal
  /** Told when it goes away (one sentence) and when it is back (null). */
  readonly onHealth?: (problem: string | null) => void
  /** Longest start. Default 60,000: recovery after a crash takes its time. */
  readonly startTimeoutMs?: number
  /** First and longest pause between restarts; each pause is random up to the present bound. */
  readonly backoffMs?: { readonly first: number; readonly longest: number }
  /** PostgreSQL settings beside the defaults. */
  readonly settings?: Readonly<Record<string, string>>
  /** Ids of which one becomes PostgreSQL's when the server is root. Default: {@link DATABASE_UIDS}. */
  readonly uids?: UidRange
}

/** A PostgreSQL server of our own. */
export interface EmbeddedPostgres {
  /** For `openDatabase`, as the application's role; holds the password and stays the same over restarts. */
  readonly connectionString: string
  /** Null while it is up, else one sentence. Fits the health registry. */
  check(): string | null
  /** Pid of PostgreSQL's main process; null while there is none. */
  readonly pid: number | null
  /** Shuts it down cleanly. Safe to call twice. */
  stop(): Promise<void>
}

/** Longest clean shutdown, then longest quick one, before the process is killed. */
const STOP_TIMEOUT_MS = 10_000
const QUIT_TIMEOUT_MS = 3_000

/** Pause before a failed attempt of one start is repeated. */
const ATTEMPT_PAUSE_MS = 50

/** Messages of a server that finds the one before not quite gone. */
const NOT_GONE_YET = /lock file ".*" already exists|pre-existing shared memory block|is another postmaster/i

/** What a server says whose start was watched, or that somebody ended: another start at the same time took it for left over. */
const ENDED_BY_ANOTHER =
  /received (?:smart|fast|immediate) shutdown request|database system is (?:starting up|shutting down)/i

/**
 * Starts PostgreSQL on the data folder and keeps it running: it is started again, with growing pauses, whenever it
 * dies. What a killed server left running is stopped first.
 * @throws {EmbeddedPostgresError} with a sentence for the operator, also when another server uses the folder
 * @throws {KeyFileError} when the file of the database's password cannot be used
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = absolute(options.dataDir)
  const { log, uids = DATABASE_UIDS } = options
  const found = await prepareDataDir(dataDir)
  const account = await accountForPostgres({ dataDir: await realpath(dataDir), cluster: found, uids, log })
  const home = await prepareHome(dataDir, account)
  const binaries = await findBinaries(home, account)
  const cluster = await ensureCluster({ dataDir, home, binaries, account, log })
  const socketFolder = await makeSocketFolder(home, account)
  const settings = { hba_file: await writeClientRules(home), ...options.settings }
  const supervisor = new Supervisor({
    ...options,
    settings,
    dataDir,
    account,
    binaries,
    cluster,
    socketFolder,
  })
  try {
    await supervisor.start()
    return supervisor
  } catch (error) {
    await supervisor.stop()
    throw error
  }
}

interface SupervisorOptions extends EmbeddedPostgresOptions {
  readonly account: Account | null
  readonly binaries: Binaries
  readonly cluster: Cluster
  readonly socketFolder: string
}

class Supervisor implements EmbeddedPostgres {
  readonly connectionString: string
  readonly #options: SupervisorOptions
  readonly #stop = new AbortController()
  #postmaster: Postmaster | null = null
  #ownership: Ownership | null = null
  #problem: string | null = 'PostgreSQL is starting.'
  #watching: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined
  /** When this process ends without having stopped it, PostgreSQL is told to. */
  readonly #onExit = (): void => this.#postmaster?.kill('SIGINT')

  constructor(options: SupervisorOptions) {
    this.#options = options
    const { applicationPassword } = options.cluster
    this.connectionString = addressOf(options.socketFolder, DATABASE, [APPLICATION_ROLE, applicationPassword])
    process.once('exit', this.#onExit)
  }

  get pid(): number | null {
    return this.#postmaster?.alive ? this.#postmaster.pid : null
  }

  check(): string | null {
    return this.#problem
  }

  async start(): Promise<void> {
    const signals = [this.#stop.signal, ...(this.#options.signal ? [this.#options.signal] : [])]
    const ownership = await this.#bringUp(AbortSignal.any(signals))
    this.#problem = null
    this.#options.log?.info({ pid: this.pid }, 'the embedded PostgreSQL is up')
    this.#watching = this.#watch(ownership)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#shutDown()
    return this.#stopped
  }

  async #shutDown(): Promise<void> {
    this.#stop.abort()
    await this.#watching
    await this.#ownership?.release()
    if (this.#postmaster) await this.#end(this.#postmaster)
    this.#problem = 'PostgreSQL was stopped.'
    process.off('exit', this.#onExit)
    await removeSocketFolder(this.#options.socketFolder)
  }

  async #end(postmaster: Postmaster): Promise<void> {
    for (const [signal, ms] of [
      ['SIGINT', STOP_TIMEOUT_MS],
      ['SIGQUIT', QUIT_TIMEOUT_MS],
    ] as const) {
      postmaster.kill(signal)
      if (await until(() => !postmaster.alive, { timeoutMs: ms })) return
    }
    postmaster.kill('SIGKILL')
    await postmaster.exited
  }

  /** Waits for the end of the lock's connection, which ends with PostgreSQL, and brings both back. */
  async #watch(first: Ownership): Promise<void> {
    const { first: shortest, longest } = this.#options.backoffMs ?? { first: 100, longest: 5_000 }
    let ownership: Ownership | null = first
    let bound = shortest
    while (!this.#stop.signal.aborted) {
      if (ownership) {
        const since = Date.now()
        await Promise.race([ownership.over, aborted(this.#stop.signal)])
        if (this.#stop.signal.aborted) return
        this.#report('PostgreSQL died and is being started again.')
        if (Date.now() - since > longest) bound = shortest
      }
      await until(() => false, { timeoutMs: Math.random() * bound, signal: this.#stop.signal })
      bound = Math.min(bound * 2, longest)
      ownership = await this.#bringBack()
    }
  }

  async #bringBack(): Promise<Ownership | null> {
    try {
      const ownership = await this.#bringUp(this.#stop.signal)
      this.#report(null)
      return ownership
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#report(error instanceof Error ? error.message : String(error))
      return null
    }
  }

  #report(problem: string | null): void {
    if (problem === this.#problem) return
    this.#problem = problem
    const { log, onHealth } = this.#options
    if (problem === null) log?.info({ pid: this.pid }, 'the embedded PostgreSQL is up again')
    else log?.error({ problem }, 'the embedded PostgreSQL is away')
    onHealth?.(problem)
  }

  /** Until the deadline: stop what a dead server left, start, connect, take the lock. */
  async #bringUp(signal: AbortSignal): Promise<Ownership> {
    const deadline = Date.now() + (this.#options.startTimeoutMs ?? 60_000)
    let last = ''
    while (Date.now() < deadline) {
      signal.throwIfAborted()
      if (!this.#postmaster?.alive) {
        this.#postmaster = (await this.#clearTheWay()) ? await this.#launch() : null
      }
      const outcome = this.#postmaster ? await this.#own() : 'the one before does not answer.'
      if (typeof outcome !== 'string') return outcome
      last = outcome
      this.#throwIfHopeless()
      await until(() => this.#postmaster?.alive === false, { timeoutMs: ATTEMPT_PAUSE_MS, signal })
    }
    throw new EmbeddedPostgresError(
      `PostgreSQL on ${this.#options.cluster.folder} did not get ready in time: ${last}`,
    )
  }

  /** The ownership, or why there is none yet. */
  async #own(): Promise<Ownership | string> {
    const { cluster, socketFolder } = this.#options
    const claim = await claimOwnership((database) => this.#superuserAt(socketFolder, database))
    if (claim.kind === 'taken') throw this.#taken(claim.by)
    if (claim.kind === 'unreachable') return claim.error.message
    if ((await readPostmasterFile(cluster.folder))?.pid !== this.#postmaster?.pid) {
      await claim.ownership.release()
      return 'another PostgreSQL runs on the data.'
    }
    const application = { role: APPLICATION_ROLE, password: cluster.applicationPassword, database: DATABASE }
    if (!(await claim.ownership.ensure(application))) {
      await claim.ownership.release()
      return 'it went away while its database was made.'
    }
    this.#ownership = claim.ownership
    return claim.ownership
  }

  #throwIfHopeless(): void {
    const { output = [], alive = true } = this.#postmaster ?? {}
    if (alive || output.some((line) => NOT_GONE_YET.test(line) || ENDED_BY_ANOTHER.test(line))) return
    const reason = output.find((line) => /FATAL|PANIC/.test(line)) ?? lastLine(output.join('\n'))
    throw new EmbeddedPostgresError(`PostgreSQL does not start on ${this.#options.cluster.folder}: ${reason}`)
  }

  #taken(by: string): EmbeddedPostgresError {
    return new EmbeddedPostgresError(
      `Another cliscale-server (pid ${by}) uses the data folder ${this.#options.dataDir}; stop it, or choose another ` +
        `with --data-dir.`,
    )
  }

  /** True when nothing runs on the data. A server there is stopped, unless somebody owns it. */
  async #clearTheWay(): Promise<boolean> {
    const { folder } = this.#options.cluster
    const found = await readPostmasterFile(folder)
    if (!found) return true
    if (!(await isPostmasterOf(folder, found.pid))) {
      // The number of a dead server was given to a stranger, which PostgreSQL would take for the server.
      if (isAlive(found.pid)) await rm(join(folder, 'postmaster.pid'), { force: true })
      return true
    }
    if (found.socketFolder === null) return false
    const { socketFolder } = found
    const claim = await claimOwnership((database) => this.#superuserAt(socketFolder, database))
    if (claim.kind === 'taken') throw this.#taken(claim.by)
    if (claim.kind === 'unreachable') return false
    this.#options.log?.warn({ pid: found.pid }, 'stopping the PostgreSQL that a killed server left running')
    await claim.ownership.release()
    kill(found.pid)
    await until(async () => !(await isPostmasterOf(folder, found.pid)), { timeoutMs: STOP_TIMEOUT_MS })
    if (socketFolder !== this.#options.socketFolder) await removeSocketFolder(socketFolder)
    return true
  }

  /** Nothing runs on the data: it can change hands. */
  async #launch(): Promise<Postmaster> {
    const { account, binaries, cluster, log, settings = {}, socketFolder } = this.#options
    if (account !== null) {
      await handOver(cluster.folder, account, VERSION_FILE)
      await handOver(socketFolder, account)
    }
    return startPostmaster({
      program: binaries.postgres,
      folder: cluster.folder,
      socketFolder,
      account,
      log,
      settings,
    })
  }

  #superuserAt(socketFolder: string, database: string): string {
    return addressOf(socketFolder, database, [SUPERUSER, this.#options.cluster.password])
  }
}

function addressOf(
  socketFolder: string,
  database: string,
  [role, password]: readonly [string, string],
): string {
  const secret = encodeURIComponent(password)
  return `postgresql://${role}:${secret}@/${database}?host=${encodeURIComponent(socketFolder)}`
}

/** Fast shutdown of a server that is not our child. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGINT')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

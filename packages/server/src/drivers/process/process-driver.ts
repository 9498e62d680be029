import type { ChildProcess } from 'node:child_process'
import { existsSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { type Isolation, type LowerLimits, lowestLimits } from '@cliscale/sdk/protocol'
import type { Log } from '../../observability/log.ts'
import type { SessionBounds } from '../../config/session-bounds.ts'
import type { UidRange } from '../../config/uid-range.ts'
import { outsideWorld } from '../../config/outside-world.ts'
import { CodedError } from '../../http/coded-error.ts'
import type { Driver, LeftRecordings, ObservedRunner, RunnerSpec, Unsubscribe } from '../driver.ts'
import { leftRecordings } from './folders/left-recordings.ts'
import { endProcesses, runnerProcess } from './processes/end-runner.ts'
import { compileAhead, compiledFolder } from './processes/compile-ahead.ts'
import { launch, type RunnerProgram } from './processes/launch.ts'
import { identify, type ProcessIdentity } from './processes/process-table.ts'
import { answers, whenListening } from './processes/readiness.ts'
import { compileCacheOf, inheritedEnvironment } from './config.ts'
import { ControlGroups } from './isolation/control-groups.ts'
import { digestOf, UNBOUNDED } from './isolation/policy.ts'
import {
  createFolders,
  giveFolders,
  listFolders,
  pathsOf,
  prepareFolders,
  removeFolders,
  type RunnerFolders,
  type RunnerPaths,
  userOf,
  writeIdentity,
} from './folders/runner-folder.ts'
import { chooseRange, SessionUsers } from './isolation/session-users.ts'
import { reachableSoftware } from './folders/software.ts'
import { type SandboxTrial, type SandboxVerdict, trySandbox } from './isolation/try-sandbox.ts'
import { startFailure } from './processes/start-failure.ts'
import { ANSWER_TIMEOUT_MS, LOG_CHECK_EVERY_MS, LOG_LIMIT_BYTES } from './limits.ts'

/** Options of {@link createProcessDriver}. */
export interface ProcessDriverOptions {
  /** The server's data folder, absolute. Runners live in `run/` and `work/` below it. */
  readonly dataFolder: string
  /** `auto` takes bubblewrap where it works and says so where it does not. Default `auto`. */
  readonly isolation?: 'auto' | 'bubblewrap' | 'none'
  /** The runner's program. Default: the entry of the installed `@cliscale/runner`. */
  readonly runnerEntry?: string
  /** Options of Node for each runner. Default: few threads, small heap. */
  readonly nodeOptions?: readonly string[]
  /** Hosts (`host` or `host:port`) from which a bundle may come over http. Default none: https only. */
  readonly bundleHttpHosts?: readonly string[]
  /** Networks (CIDR) in which a bundle's host may be although they are not public. Default none. */
  readonly bundlePrivateNetworks?: readonly string[]
  readonly log: Log
  /** Shown to isolated sessions beside the system's folders, read-only; absolute. Default none. */
  readonly shownPaths?: readonly string[]
  /** True: without a sandbox there is no driver, whatever `isolation` says. Default false. */
  readonly mustIsolate?: boolean
  /** What a session may use. Default: no bounds. */
  readonly limits?: SessionBounds
  /** Uids that sessions of a root server get, one each. Default: a range that belongs to nobody. */
  readonly sessionUids?: UidRange | null
  /** Finds out whether sandboxes work. Default: makes one, as a runner would. */
  readonly trySandbox?: (trial: SandboxTrial) => Promise<SandboxVerdict>
}

/**
 * Runs each runner as a child process of this machine that outlives the server.
 *
 * @throws {CodedError} `WORK_FOLDER_UNUSABLE`; `START_FAILED` when bubblewrap is demanded and cannot be used
 */
export async function createProcessDriver(options: ProcessDriverOptions): Promise<Driver> {
  const { dataFolder, log } = options
  const range = process.getuid?.() === 0 ? await chooseRange(options.sessionUids ?? null) : null
  const prepared = await prepareFolders(dataFolder, range?.first ?? null)
  const users = range === null ? null : await SessionUsers.open(range, join(prepared.runtime, 'users'))
  const software = await reachableSoftware(options.runnerEntry, {
    folders: prepared,
    user: range?.first ?? null,
  })
  const folders = { ...prepared, compileCache: compileCacheOf(software.entry, prepared.compileCache) }
  const groups = await ControlGroups.open()
  const policy = {
    limits: options.limits ?? UNBOUNDED,
    groupLimits: groups?.holds ?? [],
    isolation: 'bubblewrap',
    users: range,
    shownPaths: options.shownPaths ?? [],
    hiddenPaths: [dataFolder, folders.runtime, folders.work],
    bundleHttpHosts: options.bundleHttpHosts ?? [],
    bundlePrivateNetworks: options.bundlePrivateNetworks ?? [],
  } as const
  const program = {
    ...software,
    outsideWorld: outsideWorld((sentence) => log.warn(sentence)),
    nodeOptions: [...(options.nodeOptions ?? DEFAULT_NODE_OPTIONS), ...sourceOptions(software.entry)],
  }
  const trial = { program: { ...program, policy }, folders, users }
  const isolation = await chooseIsolation(options, trial)
  const driver = new ProcessDriver({
    folders,
    users,
    groups,
    log,
    program: { ...program, policy: { ...policy, isolation } },
  })
  await driver.useCompiled()
  return driver
}

/**
 * A machine holds many runners, each with little to do: a compiler and a collector without threads of their own, and a
 * small young generation, take half of what a flood adds to a runner's memory and cost no measurable throughput. (Other
 * options that save memory, `--single-threaded` and `--no-maglev` among them, do not go with the code that Node brings
 * along compiled, and cost each start 25 ms.)
 */
const DEFAULT_NODE_OPTIONS = [
  '--single-threaded-gc',
  '--no-concurrent-recompilation',
  '--max-semi-space-size=1',
  '--disable-warning=ExperimentalWarning',
  '--disable-sigusr1',
]

/** In a checkout the runner is TypeScript and finds its siblings' sources by a condition of their package files. */
function sourceOptions(entry: string): string[] {
  return entry.endsWith('.ts') ? ['--conditions=@cliscale/source'] : []
}

async function chooseIsolation(
  options: ProcessDriverOptions,
  trial: SandboxTrial,
): Promise<'none' | 'bubblewrap'> {
  if (options.isolation === 'none') return 'none'
  const verdict = await (options.trySandbox ?? trySandbox)(trial)
  if (verdict.usable) return 'bubblewrap'
  if (options.isolation === 'bubblewrap') throw new CodedError('START_FAILED', `${verdict.reason}.`)
  if (options.mustIsolate === true) {
    const accept = 'isolate sessions, or accept that they are not with --allow-unisolated'
    throw new CodedError(
      'START_FAILED',
      `Other machines can reach this server, and ${verdict.reason}; ${accept}.`,
    )
  }
  options.log.warn(
    { reason: verdict.reason },
    'sessions are not isolated from this machine and from each other',
  )
  return 'none'
}

class ProcessDriver implements Driver {
  readonly name = 'process'
  readonly isolation: Isolation
  readonly recordings: LeftRecordings
  #folders: RunnerFolders
  readonly policy: string
  readonly #program: RunnerProgram
  readonly #users: SessionUsers | null
  readonly #log: Log
  readonly #groups: ControlGroups | null
  readonly #listeners = new Set<(runner: ObservedRunner) => void>()
  readonly #waits = new Map<string, () => void>()
  readonly #starts = new Map<string, Promise<ObservedRunner>>()
  readonly #stops = new Map<string, Promise<void>>()
  /** Runners that were seen to answer, so that `list` does not ask each of them every time. */
  readonly #seenUp = new Set<string>()
  readonly #logCheck: NodeJS.Timeout
  readonly #closing = new AbortController()
  #compiling: Promise<void> = Promise.resolve()

  constructor(options: {
    readonly folders: RunnerFolders
    readonly program: RunnerProgram
    readonly users: SessionUsers | null
    readonly groups: ControlGroups | null
    readonly log: Log
  }) {
    const { folders, program } = options
    this.#log = options.log
    this.#folders = folders
    this.#program = program
    this.#users = options.users
    this.#groups = options.groups
    this.isolation = program.policy.isolation
    this.policy = digestOf(program.policy, { ...program, inherited: inheritedEnvironment() })
    this.recordings = leftRecordings(folders.recordings)
    this.#logCheck = setInterval(() => this.#boundLogs(), LOG_CHECK_EVERY_MS).unref()
  }

  /** Sees to it that runners that root starts find their code compiled; it takes seconds, in which they start without. */
  async useCompiled(): Promise<void> {
    const [program, users] = [this.#program, this.#users]
    // Sources of a checkout change all the time.
    if (users === null || program.entry.endsWith('.ts')) return
    const place = await compiledFolder(this.#folders.work, program.entry)
    const ahead = compileAhead({ program, folders: this.#folders, users, place }, this.#closing.signal)
    this.#compiling = ahead.then(
      () => void (this.#folders = { ...this.#folders, compileCache: place }),
      (error: unknown) => {
        if (!this.#closing.signal.aborted)
          this.#log.warn({ err: error }, 'runners start slower: their code could not be compiled ahead')
      },
    )
  }

  async start(spec: RunnerSpec, signal: AbortSignal): Promise<ObservedRunner> {
    signal.throwIfAborted()
    if (this.#closing.signal.aborted) throw new CodedError('DRAINING')
    const running = this.#starts.get(spec.runnerId)
    if (running !== undefined) return running
    const start = this.#start(spec).finally(() => this.#starts.delete(spec.runnerId))
    this.#starts.set(spec.runnerId, start)
    return start
  }

  async lowerLimits(runnerId: string, limits: LowerLimits): Promise<void> {
    try {
      const runner = await runnerProcess(pathsOf(this.#folders, runnerId))
      if (runner === null) throw new CodedError('START_FAILED', 'The runner ended before it had a session.')
      await this.#groups?.limit(runnerId, runner.pid, lowestLimits(this.#program.policy.limits, limits))
    } catch (error) {
      throw startFailure(error)
    }
  }

  async stop(runnerId: string, { graceMs }: { graceMs: number }): Promise<void> {
    const running = this.#stops.get(runnerId)
    if (running !== undefined) return running
    const stop = this.#stopStarted(runnerId, graceMs).finally(() => this.#stops.delete(runnerId))
    this.#stops.set(runnerId, stop)
    return stop
  }

  async list(): Promise<readonly ObservedRunner[]> {
    const ids = await listFolders(this.#folders)
    return Promise.all(ids.map((id) => this.#observe(pathsOf(this.#folders, id), id)))
  }

  async inspect(runnerId: string): Promise<ObservedRunner | null> {
    const paths = pathsOf(this.#folders, runnerId)
    return existsSync(paths.folder) || existsSync(paths.work) ? this.#observe(paths, runnerId) : null
  }

  watch(listener: (runner: ObservedRunner) => void): Unsubscribe {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    clearInterval(this.#logCheck)
    for (const stopWaiting of this.#waits.values()) stopWaiting()
    this.#waits.clear()
    this.#listeners.clear()
    await Promise.allSettled([...this.#starts.values(), ...this.#stops.values(), this.#compiling])
  }

  async #start(spec: RunnerSpec): Promise<ObservedRunner> {
    const paths = pathsOf(this.#folders, spec.runnerId)
    await this.#stops.get(spec.runnerId)
    if (!(await this.#createFolders(paths))) {
      const found = await this.#observe(paths, spec.runnerId)
      if (found.state !== 'gone') return found
      await this.#stop(spec.runnerId, 0)
      await this.#createFolders(paths)
    }
    const child = await this.#launch(spec, paths)
    const identity = child.pid === undefined ? null : identify(child.pid)
    if (identity === null) return { ...describe(paths, spec.runnerId, null), detail: 'it ended at once' }
    child.once('exit', (code, signal) => this.#exited(spec.runnerId, paths, signal ?? `code ${code}`))
    this.#awaitListening(spec.runnerId, paths, identity)
    await writeIdentity(paths, identity)
    return describe(paths, spec.runnerId, identity)
  }

  async #launch(spec: RunnerSpec, paths: RunnerPaths): Promise<ChildProcess> {
    try {
      const program = this.#program
      const { limits } = program.policy
      const [user = null] = await Promise.all([
        this.#takeUser(paths),
        this.#groups?.prepare(spec.runnerId, limits),
      ])
      const memoryEvents = this.#groups?.memoryEvents(spec.runnerId) ?? null
      const child = await launch({ program, folders: this.#folders, paths, spec, user, memoryEvents })
      // Nobody has the runner's secret and address yet, so it has no session that could start something before.
      if (child.pid !== undefined) await this.#groups?.enclose(spec.runnerId, child.pid, limits)
      return child
    } catch (error) {
      // The program may run already, outside of the group that should bound it.
      await this.#stop(spec.runnerId, 0)
      throw startFailure(error)
    }
  }

  async #takeUser(paths: RunnerPaths): Promise<number | undefined> {
    const user = await this.#users?.take(paths.folder)
    if (user !== undefined) await giveFolders(paths, user)
    return user
  }

  async #createFolders(paths: RunnerPaths): Promise<boolean> {
    try {
      return await createFolders(paths)
    } catch (error) {
      throw startFailure(error)
    }
  }

  /** A start that goes on meanwhile would bring up what was ended already. */
  async #stopStarted(runnerId: string, graceMs: number): Promise<void> {
    await this.#starts.get(runnerId)?.catch(() => {})
    await this.#stop(runnerId, graceMs)
  }

  async #stop(runnerId: string, graceMs: number): Promise<void> {
    const paths = pathsOf(this.#folders, runnerId)
    this.#stopWaiting(runnerId)
    await endProcesses(paths, { graceMs, members: () => this.#groups?.members(runnerId) ?? [] })
    await this.#groups?.remove(runnerId)
    await this.#free(paths)
    this.#seenUp.delete(runnerId)
  }

  /** The user goes back last: whoever gets it next finds nothing of this one's. */
  async #free(paths: RunnerPaths): Promise<void> {
    const user = await userOf(paths)
    await removeFolders(paths)
    if (user !== null) await this.#users?.giveBack(user, paths.folder)
  }

  #awaitListening(runnerId: string, paths: RunnerPaths, identity: ProcessIdentity): void {
    const stopWaiting = whenListening(paths, () => {
      this.#waits.delete(runnerId)
      this.#seenUp.add(runnerId)
      this.#tell({ ...describe(paths, runnerId, identity), state: 'up' })
    })
    this.#waits.set(runnerId, stopWaiting)
  }

  #exited(runnerId: string, paths: RunnerPaths, how: string): void {
    this.#stopWaiting(runnerId)
    this.#seenUp.delete(runnerId)
    this.#tell({ ...describe(paths, runnerId, null), detail: `the runner ended: ${how}` })
  }

  #stopWaiting(runnerId: string): void {
    this.#waits.get(runnerId)?.()
    this.#waits.delete(runnerId)
  }

  #tell(runner: ObservedRunner): void {
    for (const listener of this.#listeners) listener(runner)
  }

  async #observe(paths: RunnerPaths, runnerId: string): Promise<ObservedRunner> {
    const identity = await runnerProcess(paths)
    const runner = describe(paths, runnerId, identity)
    if (identity === null) return runner
    if (!this.#seenUp.has(runnerId)) {
      if (!(await answers(paths, ANSWER_TIMEOUT_MS))) return runner
      this.#seenUp.add(runnerId)
    }
    return { ...runner, state: 'up' }
  }

  /** The runner appends to its log, so cutting it from outside needs no help from the runner. */
  #boundLogs(): void {
    for (const runnerId of this.#seenUp) {
      const { log } = pathsOf(this.#folders, runnerId)
      const size = statSync(log, { throwIfNoEntry: false })?.size ?? 0
      if (size > LOG_LIMIT_BYTES) truncateSync(log)
    }
  }
}

function describe(paths: RunnerPaths, runnerId: string, identity: ProcessIdentity | null): ObservedRunner {
  return {
    runnerId,
    address: paths.address,
    externalId: identity === null ? '' : String(identity.pid),
    state: identity === null ? 'gone' : 'starting',
  }
}

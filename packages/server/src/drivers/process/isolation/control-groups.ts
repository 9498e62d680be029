import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { REMOVE_GROUP_EVERY_MS } from '../limits.ts'

/** What a control group can hold a runner to. */
export interface GroupLimits {
  /** Processes and threads; 0: any number. */
  readonly processes: number
  readonly memoryBytes: number
  /** Processors, a fraction included. */
  readonly cpus: number
}

/** Names of {@link GroupLimits}. */
export type GroupLimit = keyof GroupLimits

/** What the runner itself needs, on top of what its session may have. */
const RUNNER = { processes: 64, memoryBytes: 134_217_728 } as const

/** Microseconds over which a processor's use is counted (sched-bwc, cgroup-v2 in the kernel's documentation). */
const PERIOD_US = 100_000

/** A group goes once its last process is reaped. */
const REMOVE_TRIES = 50

/** Each server that starts takes an empty group away once at most. */
const SWEPT_TRIES = 20

/** What starts programs all the time may start some between a move and the next try. */
const MOVE_TRIES = 10

/** One hierarchy in which this server may make groups. */
interface Hierarchy {
  /** Folder below which groups are made. */
  readonly base: string
  /** File in which a group counts what it ended for want of memory. */
  readonly memoryFile: 'memory.events' | 'memory.oom_control'
  readonly limits: readonly GroupLimit[]
  /** Files to write for the limits that are wanted. */
  readonly settings: (limits: GroupLimits) => Readonly<Record<string, string>>
}

/** Control groups around runners, each with its session: v2, or the hierarchies of v1. */
export class ControlGroups {
  /** Limits that they see to. */
  readonly holds: readonly GroupLimit[]
  readonly #hierarchies: readonly Hierarchy[]

  private constructor(hierarchies: readonly Hierarchy[]) {
    this.#hierarchies = hierarchies
    this.holds = hierarchies.flatMap(({ limits }) => limits)
  }

  /**
   * Finds out what this process may do, by doing it, and removes groups that nobody is in any more. Null where it may make
   * no group that limits anything.
   */
  static async open(): Promise<ControlGroups | null> {
    const usable: Hierarchy[] = []
    for (const hierarchy of [...(await unified()), ...(await separate())]) {
      if (!(await isUsable(hierarchy))) continue
      usable.push(hierarchy)
      await removeEmpty(hierarchy.base)
    }
    return usable.length === 0 ? null : new ControlGroups(usable)
  }

  /** Makes a runner's group, with its limits. The kernel takes milliseconds for one, so this goes ahead of the start. */
  async prepare(name: string, limits: GroupLimits): Promise<void> {
    const needed = this.#neededFor(limits)
    await Promise.all(needed.map((hierarchy) => whileSwept(() => prepareIn(hierarchy, name, limits))))
  }

  /** Puts a runner's process into the group that was prepared for it. */
  async enclose(name: string, pid: number, limits: GroupLimits): Promise<void> {
    const enclose = async (hierarchy: Hierarchy): Promise<void> => {
      const procs = join(hierarchy.base, name, 'cgroup.procs')
      await whileSwept(async (attempt) => {
        if (attempt > 0) await prepareIn(hierarchy, name, limits)
        await writeFile(procs, String(pid)).catch(ifEnded)
      })
    }
    await Promise.all(this.#neededFor(limits).map(enclose))
  }

  /** Sets the limits of a runner anew, also of kinds that it had none of. */
  async limit(name: string, pid: number, limits: GroupLimits): Promise<void> {
    await this.prepare(name, limits)
    const needed = this.#neededFor(limits).map(({ base }) => join(base, name))
    const inside = await Promise.all(needed.map(async (group) => (await membersOf(group)).includes(pid)))
    if (inside.includes(false)) await this.enclose(name, pid, limits)
  }

  /** Where a group counts what it ended for want of memory; null when none does. */
  memoryEvents(name: string): string | null {
    const found = this.#hierarchies.find(({ limits }) => limits.includes('memoryBytes'))
    return found === undefined ? null : join(found.base, name, found.memoryFile)
  }

  /** Processes in a runner's groups. */
  async members(name: string): Promise<readonly number[]> {
    const found = await Promise.all(this.#hierarchies.map(({ base }) => membersOf(join(base, name))))
    return [...new Set(found.flat())]
  }

  /** Removes a runner's groups, whose processes are gone. */
  async remove(name: string): Promise<void> {
    await Promise.all(this.#hierarchies.map(({ base }) => removeGroup(join(base, name))))
  }

  /** To put a process into a group takes the kernel milliseconds: where nothing is limited it stays outside. */
  #neededFor(limits: GroupLimits): readonly Hierarchy[] {
    return this.#hierarchies.filter((hierarchy) => hierarchy.limits.some((limit) => limits[limit] !== 0))
  }
}

/** The hierarchies of v1 that hold something, by their controller. */
const SEPARATE = [
  {
    controller: 'pids',
    limit: 'processes',
    settings: ({ processes }: GroupLimits) => setting('pids.max', withRunner(processes, RUNNER.processes)),
  },
  {
    controller: 'memory',
    limit: 'memoryBytes',
    settings: ({ memoryBytes }: GroupLimits) =>
      setting('memory.limit_in_bytes', withRunner(memoryBytes, RUNNER.memoryBytes)),
  },
  {
    controller: 'cpu',
    limit: 'cpus',
    settings: ({ cpus }: GroupLimits) => setting('cpu.cfs_quota_us', Math.round(cpus * PERIOD_US)),
  },
] as const

async function separate(): Promise<Hierarchy[]> {
  const [mounts, places] = await Promise.all([mountsOf('cgroup'), ownPlaces()])
  return SEPARATE.flatMap(({ controller, limit, settings }) => {
    const mount = mounts.find(({ options }) => options.includes(controller))
    const place = places.get(controller)
    if (mount === undefined || place === undefined) return []
    const base = join(mount.path, place, FOLDER)
    return [{ base, memoryFile: 'memory.oom_control' as const, limits: [limit], settings }]
  })
}

/** Controllers of v2 by the limits that they hold. */
const UNIFIED: Readonly<Record<string, GroupLimit>> = {
  pids: 'processes',
  memory: 'memoryBytes',
  cpu: 'cpus',
}

/** v2: a group may have processes or limited children, so this server's own processes move into a group beside the runners'. */
async function unified(): Promise<Hierarchy[]> {
  const [mount] = await mountsOf('cgroup2')
  const place = (await ownPlaces()).get('')
  if (mount === undefined || place === undefined) return []
  // A server that was started by what another one has moved shares that one's groups.
  const own = join(mount.path, place.replace(new RegExp(`/${SERVER_FOLDER}$`), ''))
  const offered = await wordsOf(join(own, 'cgroup.controllers'))
  const controllers = Object.keys(UNIFIED).filter((name) => offered.includes(name))
  if (controllers.length === 0 || !(await delegate(own, controllers))) return []
  const settings = ({ processes, memoryBytes, cpus }: GroupLimits): Readonly<Record<string, string>> => ({
    ...setting('pids.max', withRunner(processes, RUNNER.processes)),
    ...setting('memory.max', withRunner(memoryBytes, RUNNER.memoryBytes)),
    ...(cpus === 0 ? {} : { 'cpu.max': `${Math.round(cpus * PERIOD_US)} ${PERIOD_US}` }),
  })
  const limits = controllers.flatMap((name) => UNIFIED[name] ?? [])
  return [{ base: join(own, FOLDER), memoryFile: 'memory.events', limits, settings }]
}

/** Hands controllers down to the folder of runners' groups. False when this process may not. */
async function delegate(own: string, controllers: readonly string[]): Promise<boolean> {
  try {
    await mkdir(join(own, FOLDER), { recursive: true })
    await handDown(own, controllers)
    await writeFile(join(own, FOLDER, SUBTREE), wantedOf(controllers))
    return true
  } catch {
    return false
  }
}

const SUBTREE = 'cgroup.subtree_control'

/**
 * The kernel refuses it (`EBUSY`) while there are processes in the group, unless that is the root of all: then they move,
 * and it is tried again, because some may have been started meanwhile.
 */
async function handDown(own: string, controllers: readonly string[]): Promise<void> {
  if (isSubset(controllers, await wordsOf(join(own, SUBTREE)))) return
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await writeFile(join(own, SUBTREE), wantedOf(controllers))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || attempt === MOVE_TRIES) throw error
      await moveMembers(own, join(own, SERVER_FOLDER))
    }
  }
}

async function moveMembers(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  // One that ended meanwhile is no hindrance; one that cannot be moved shows at the next try.
  for (const pid of await membersOf(from)) {
    await writeFile(join(to, 'cgroup.procs'), String(pid)).catch(() => {})
  }
}

function wantedOf(controllers: readonly string[]): string {
  return controllers.map((name) => `+${name}`).join(' ')
}

/** Prefix of groups that another server only tries itself out with. */
const TRIAL = 'trial-'

/** Makes a group with a limit of each kind, and removes it. */
async function isUsable({ base, settings }: Hierarchy): Promise<boolean> {
  const group = join(base, `${TRIAL}${randomBytes(6).toString('hex')}`)
  try {
    await mkdir(group, { recursive: true })
    const trial = settings({ processes: 1, memoryBytes: 1, cpus: 1 })
    await write(group, trial)
    return true
  } catch {
    return false
  } finally {
    await removeGroup(group).catch(() => {})
  }
}

/** Name of the folder for all installations: runner ids are random. */
const FOLDER = 'cliscale'

/** The one beside it for what was in the group of both before. */
const SERVER_FOLDER = `${FOLDER}-server`

async function write(group: string, settings: Readonly<Record<string, string>>): Promise<void> {
  for (const [file, value] of Object.entries(settings)) await writeFile(join(group, file), value)
}

function setting(file: string, value: number): Readonly<Record<string, string>> {
  return value === 0 ? {} : { [file]: String(value) }
}

function withRunner(limit: number, own: number): number {
  return limit === 0 ? 0 : limit + own
}

interface Mount {
  readonly path: string
  readonly options: readonly string[]
}

/** Writable mounts of a file system (proc_pid_mounts(5)). */
async function mountsOf(type: string): Promise<Mount[]> {
  const text = await readFile('/proc/self/mounts', 'latin1').catch(() => '')
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , kind, options = '']) => kind === type && options.split(',').includes('rw'))
    .map(([, path = '', , options = '']) => ({ path, options: options.split(',') }))
}

/** This process's group by controller; v2's has no name (cgroups(7)). */
async function ownPlaces(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile('/proc/self/cgroup', 'latin1').catch(() => '')
  const rows = text.split('\n').map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
  return new Map(
    rows.flatMap((row) =>
      row === null ? [] : (row[1] ?? '').split(',').map((controller) => [controller, row[2] ?? '/'] as const),
    ),
  )
}

async function wordsOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'latin1').catch(() => '')
  return text.trim().split(/\s+/)
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  return some.every((name) => all.includes(name))
}

async function prepareIn({ base, settings }: Hierarchy, name: string, limits: GroupLimits): Promise<void> {
  await mkdir(join(base, name), { recursive: true })
  await write(join(base, name), settings(limits))
}

/** What a group that was removed answers: to whoever looks for it, and to whoever has a file of it open. */
const REMOVED: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ENODEV'])

/** Tries again when a server that starts on this machine removed the group, which was still empty. */
async function whileSwept(work: (attempt: number) => Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work(attempt)
    } catch (error) {
      if (!REMOVED.has((error as NodeJS.ErrnoException).code) || attempt === SWEPT_TRIES) throw error
    }
  }
}

/** The kernel removes no group that somebody is in. */
async function removeEmpty(base: string): Promise<void> {
  const entries = await readdir(base, { withFileTypes: true })
  const groups = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(TRIAL))
  for (const { name } of groups) await rmdir(join(base, name)).catch(() => {})
}

/** A process that ended meanwhile needs no group; that it ended is told elsewhere. */
function ifEnded(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ESRCH') throw error
}

async function membersOf(group: string): Promise<number[]> {
  const text = await readFile(join(group, 'cgroup.procs'), 'latin1').catch(() => '')
  return text.split('\n').filter(Boolean).map(Number)
}

async function removeGroup(group: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await rmdir(group)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT') return
      if (code !== 'EBUSY' || attempt >= REMOVE_TRIES) throw error
      await pause(REMOVE_GROUP_EVERY_MS)
    }
  }
}

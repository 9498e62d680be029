import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/**
 * A process for good: pids are used again, so a pid is only trusted together with the time at which its process began.
 * On Linux that is the boot id and the start time in clock ticks since that boot (`proc_pid_stat(5)`, field 22).
 */
export interface ProcessIdentity {
  readonly pid: number
  readonly startedAt: string
}

interface ProcessRow extends ProcessIdentity {
  readonly parent: number
}

const LINUX = process.platform === 'linux'
let bootId: string | undefined

/** The process that has this pid now; null when there is none or only a zombie is left of it. */
export function identify(pid: number): ProcessIdentity | null {
  const row = LINUX ? linuxRow(pid) : portableRow(pid)
  return row === null ? null : { pid, startedAt: row.startedAt }
}

/** True while exactly this process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startedAt === identity.startedAt
}

/**
 * Signals exactly this process, or its whole group when it leads one. False when it is gone.
 */
export function signal(
  identity: ProcessIdentity,
  name: NodeJS.Signals,
  target: 'process' | 'group',
): boolean {
  if (!isAlive(identity)) return false
  try {
    return process.kill(target === 'group' ? -identity.pid : identity.pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
    throw error
  }
}

/** Living processes below `pid`, at any depth. Linux only; elsewhere the process group has to do. */
export function descendants(pid: number): ProcessIdentity[] {
  const rows = allRows()
  const found = new Map<number, ProcessRow>()
  const wanted = new Set([pid])
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const row of rows) {
      if (!wanted.has(row.parent) || wanted.has(row.pid)) continue
      wanted.add(row.pid)
      found.set(row.pid, row)
    }
  }
  return [...found.values()].map(({ pid, startedAt }) => ({ pid, startedAt }))
}

/**
 * Living processes that carry `entry` (`NAME=value`) in the environment with which they were executed. It finds those
 * that left their group, session and parent. Linux only.
 */
export function withEnvironment(entry: string): ProcessIdentity[] {
  const needle = Buffer.from(`\0${entry}\0`)
  return allPids().flatMap((pid) => {
    const environment = readBytes(`/proc/${pid}/environ`)
    if (environment === null) return []
    if (!Buffer.concat([Buffer.of(0), environment, Buffer.of(0)]).includes(needle)) return []
    return identify(pid) ?? []
  })
}

/** Living processes whose real user this is. Linux only. */
export function withUser(uid: number): ProcessIdentity[] {
  const line = new RegExp(`^Uid:\\t${uid}\\t`, 'm')
  return allPids().flatMap((pid) => {
    const status = readBytes(`/proc/${pid}/status`)
    return status !== null && line.test(status.toString('latin1')) ? (identify(pid) ?? []) : []
  })
}

/** The living process with this argument on its command line. Linux only. */
export function withArgument(argument: string): ProcessIdentity | null {
  const needle = Buffer.from(`\0${argument}\0`)
  for (const pid of allPids()) {
    if (readBytes(`/proc/${pid}/cmdline`)?.includes(needle) === true) return identify(pid)
  }
  return null
}

function allPids(): number[] {
  if (!LINUX) return []
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
}

function allRows(): ProcessRow[] {
  return allPids().flatMap((pid) => linuxRow(pid) ?? [])
}

function linuxRow(pid: number): ProcessRow | null {
  const stat = readBytes(`/proc/${pid}/stat`)?.toString('latin1')
  if (stat === undefined) return null
  // The second field is the program's name, which may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, parent] = fields
  const ticks = fields[19]
  if (ticks === undefined || state === 'Z' || state === 'X') return null
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return { pid, parent: Number(parent), startedAt: `${bootId}/${ticks}` }
}

function portableRow(pid: number): ProcessRow | null {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,ppid=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    }).trim()
    const [state = 'Z', parent, ...started] = line.split(/\s+/)
    return state.startsWith('Z') ? null : { pid, parent: Number(parent), startedAt: started.join(' ') }
  } catch {
    // ps exits 1 when there is no such process.
    return null
  }
}

/** Null when the process ended meanwhile or is another user's. */
function readBytes(path: string): Buffer | null {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return null
    throw error
  }
}

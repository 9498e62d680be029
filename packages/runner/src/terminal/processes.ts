import { readdirSync, readFileSync } from 'node:fs'

import { MARKED_LIMIT } from '../isolation/limits.ts'

const MARKED_ROW = new RegExp(`^${MARKED_LIMIT} +\\S+ +(\\d+)`, 'm')

/** A process as `/proc/<pid>/stat` shows it. */
interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly session: number
  readonly zombie: boolean
}

/** What makes a process one of a terminal's. */
export interface ProcessScope {
  /** The process that the runner started. */
  readonly leader: number
  /** An environment entry, `NAME=value`, that everything it started inherits. */
  readonly marker: string
  /** A user that only this session and its runner have: whatever runs as it is the session's. */
  readonly user?: number | undefined
  /** A value of {@link MARKED_LIMIT} that nothing but the session has. */
  readonly mark?: number | undefined
}

/**
 * Processes of a terminal that still live: descendants of the leader, members of its session, those that left both
 * (`setsid`, double fork) but have the marker in their environment or the mark among their limits, and all of the session's
 * own user. Where there is no `/proc`, the leader's process group, as a negative number, which signals reach as a whole.
 */
export function terminalProcesses(scope: ProcessScope): readonly number[] {
  const rows = processTable()
  if (rows.length === 0) return isThere(-scope.leader) ? [-scope.leader] : []
  const parents = new Map(rows.map((row) => [row.pid, row.parent]))
  return rows
    .filter((row) => !row.zombie && row.pid !== process.pid && belongs(row, parents, scope))
    .map((row) => row.pid)
}

/** The children of `pid`. */
export function childrenOf(pid: number): readonly number[] {
  return processTable()
    .filter((row) => row.parent === pid)
    .map((row) => row.pid)
}

/** Sends `signal` unless the process is gone or belongs to someone else. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

/** Ends every process of the runner's own user at once but the runner itself, so that none can start another meanwhile. */
export function endAllOfUser(): void {
  sendSignal(-1, 'SIGKILL')
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function belongs(row: ProcessRow, parents: ReadonlyMap<number, number>, scope: ProcessScope): boolean {
  if (row.pid === scope.leader || row.session === scope.leader) return true
  for (let pid = row.parent, steps = 0; pid > 1 && steps < 1_024; pid = parents.get(pid) ?? 0, steps++) {
    if (pid === scope.leader) return true
  }
  return (
    hasUser(row.pid, scope.user) ||
    hasMark(row.pid, scope.mark) ||
    readOrEmpty(`/proc/${row.pid}/environ`).split('\0').includes(scope.marker)
  )
}

function hasMark(pid: number, mark: number | undefined): boolean {
  if (mark === undefined) return false
  const [, hard] = MARKED_ROW.exec(readOrEmpty(`/proc/${pid}/limits`)) ?? []
  return hard === String(mark)
}

/** By its real user: a program that changes the effective one keeps that. */
function hasUser(pid: number, user: number | undefined): boolean {
  return user !== undefined && /^Uid:\t(\d+)/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1] === String(user)
}

function processTable(): readonly ProcessRow[] {
  const rows: ProcessRow[] = []
  for (const name of listOrEmpty('/proc')) {
    const row = /^\d+$/.test(name) ? parseStat(Number(name), readOrEmpty(`/proc/${name}/stat`)) : undefined
    if (row !== undefined) rows.push(row)
  }
  return rows
}

/** Fields of `proc_pid_stat(5)`; the name may hold spaces and brackets, so they are counted from its last bracket. */
function parseStat(pid: number, text: string): ProcessRow | undefined {
  const [state, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (state === undefined || session === undefined) return undefined
  return { pid, parent: Number(parent), session: Number(session), zombie: state === 'Z' || state === 'X' }
}

/** A process may end between being listed and being read. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}

function listOrEmpty(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

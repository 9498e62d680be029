import { randomInt } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'

import type { HeldLimit, SessionLimits } from '@cliscale/sdk/protocol'

import type { Launch } from './launch.ts'
import { findTool } from './tools.ts'

/** A file of the system's configuration that is larger is mounted in a sandbox and not copied. */
export const MAX_COPY_BYTES = 131_072

/** Between two looks at a session's memory: while next to nothing is used, and while it is nearly too much. */
export const MEMORY_LOOK_MS = { most: 2_000, least: 250 } as const

/** Whether this kernel tells of a process what it has started and how much memory it uses (proc_pid_task(5)). */
function canWatchMemory(): boolean {
  watchable ??= existsSync(`/proc/self/task/${process.pid}/children`) && existsSync('/proc/self/smaps_rollup')
  return watchable
}

let watchable: boolean | undefined

/** What a session may use, as the runner was told; 0 where there is no bound. */
export interface WantedLimits {
  /** Processes and threads. */
  readonly processes: number
  readonly memoryBytes: number
  /** Processors, a fraction included. */
  readonly cpus: number
  /** Of each process. */
  readonly openFiles: number
  /** Of the work folder and the temporary one together. */
  readonly diskBytes: number
}

/** Those that a control group around the runner sees to. */
export const GROUP_LIMITS = ['processes', 'memoryBytes', 'cpus'] as const

/** One of {@link GROUP_LIMITS}. */
export type GroupLimit = (typeof GROUP_LIMITS)[number]

/** What is known of where a session runs. */
export interface LimitsPlace {
  /** Limits that a control group around the runner sees to. */
  readonly byGroup: readonly GroupLimit[]
  readonly counted: ProcessCount
}

/** Which limits hold, and by what. */
export function heldLimits(wanted: WantedLimits, { byGroup, counted }: LimitsPlace): SessionLimits {
  const byTool = findTool('prlimit') === undefined ? null : 'rlimit'
  const held = (value: number, by: HeldLimit['by'] | null): HeldLimit | null =>
    value === 0 || by === null ? null : { value, by }
  const grouped = (name: GroupLimit): 'cgroup' | null => (byGroup.includes(name) ? 'cgroup' : null)
  return {
    processes: held(wanted.processes, grouped('processes') ?? (counted === 'others too' ? null : byTool)),
    memoryBytes: held(wanted.memoryBytes, grouped('memoryBytes') ?? (canWatchMemory() ? 'watch' : null)),
    cpus: held(wanted.cpus, grouped('cpus')),
    openFiles: held(wanted.openFiles, byTool),
    diskBytes: held(wanted.diskBytes, 'watch'),
  }
}

/**
 * The row of `/proc/<pid>/limits` by which everything that a session started is known where no sandbox and no user of its
 * own tells: how long a realtime thread may run without a pause, in microseconds. What a process starts inherits it,
 * whatever it does to its environment, parent and session, and no process can raise it again.
 */
export const MARKED_LIMIT = 'Max realtime timeout'

/** Decades: no thread runs into it. */
const LEAST_MARK = 2 ** 50

/** A mark that no other session has, for {@link MARKED_LIMIT}. */
export function newMark(): number {
  return LEAST_MARK + randomInt(2 ** 47)
}

/** Threads of the runner, which count to the same user where there is no sandbox. */
const RUNNER_THREADS = 32

/**
 * Wraps a command in prlimit(1), which sets what the kernel bounds by process or user. A limit that is lower already
 * stays. Processes are bounded also where a control group sees to them: the runner is in that group too, and a session that
 * uses all of it up must not keep the runner from starting a thread.
 */
export function limited(
  launch: Launch,
  limits: SessionLimits,
  { counted, mark }: { readonly counted: ProcessCount; readonly mark?: number | undefined },
): Launch {
  const { processes, openFiles, diskBytes } = limits
  const flags = [
    ...flag('rttime', mark, MARKED_LIMIT),
    ...flag('nofile', openFiles?.value, 'Max open files'),
    ...(processes === null || counted === 'others too'
      ? []
      : flag('nproc', most(processes.value, counted), 'Max processes')),
    ...flag('fsize', diskBytes?.value, 'Max file size'),
  ]
  const prlimit = flags.length === 0 ? undefined : findTool('prlimit')
  return prlimit === undefined
    ? launch
    : { file: prlimit, args: [...flags, '--', launch.file, ...launch.args] }
}

/** What the kernel counts against a session's limit of processes: those of its sandbox, of its user, or of strangers as well. */
export type ProcessCount = 'sandbox' | 'own user' | 'others too'

function most(processes: number, counted: ProcessCount): number {
  return counted === 'sandbox' ? processes : processes + RUNNER_THREADS
}

function flag(name: string, wanted: number | undefined, row: string): string[] {
  return wanted === undefined ? [] : [`--${name}=${Math.min(wanted, hardLimit(row))}`]
}

/** What this process may set at most, by a row of `/proc/self/limits` (proc_pid_limits(5)). */
function hardLimit(row: string): number {
  const hard = new RegExp(`^${row} +\\S+ +(\\d+)`, 'm').exec(ownLimits())?.[1]
  return hard === undefined ? Number.MAX_SAFE_INTEGER : Number(hard)
}

let ownLimitsText: string | undefined

/** Nothing raises them again, and a runner starts one command. */
function ownLimits(): string {
  ownLimitsText ??= readFileSync('/proc/self/limits', 'latin1')
  return ownLimitsText
}

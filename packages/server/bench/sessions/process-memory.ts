import { readFileSync } from 'node:fs'

/** Memory of a process, in bytes, as `proc_pid_smaps(5)` counts it. */
export interface ProcessMemory {
  /** Pages that no other process shares: what one more of its kind costs. */
  readonly private: number
  /** Shared pages counted by their share. */
  readonly pss: number
  readonly resident: number
}

/** What a process holds now. */
export function memoryOf(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}:\\s+(\\d+)`, 'gm'))].reduce(
      (all, [, kib]) => all + Number(kib) * 1_024,
      0,
    )
  return { private: sum('Private_(?:Clean|Dirty)'), pss: sum('Pss'), resident: sum('Rss') }
}

/** Pages that no other process shares. */
export function privateBytes(pid: number): number {
  return memoryOf(pid).private
}

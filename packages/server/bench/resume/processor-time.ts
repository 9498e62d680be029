import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { cpuMs } from '../gateway/measure.ts'

/** Who used the processors, by role, in seconds. */
export interface ProcessorTime {
  readonly seconds: Readonly<Record<string, number>>
  /** What the machine had to give meanwhile: its processors times the time that passed. */
  readonly available: number
}

/** The processes of a role, by their ids; asked again at each look, because gateways come and go. */
export type Roles = Readonly<Record<string, () => readonly number[]>>

/** The rest of the processes that descend from this one, by the name of their program. */
const OTHERS: Readonly<Record<string, string>> = { postgres: 'PostgreSQL' }
const REST = 'real runners and their programs'

/** Begins to count; the returned function tells what was used since. */
export function countProcessorTime(roles: Roles): () => ProcessorTime {
  const before = usedByProcess(roles)
  const startedAt = performance.now()
  return () => {
    const seconds: Record<string, number> = {}
    for (const [pid, { role, ms }] of usedByProcess(roles))
      seconds[role] = (seconds[role] ?? 0) + (ms - (before.get(pid)?.ms ?? 0)) / 1_000
    const available = ((performance.now() - startedAt) / 1_000) * availableParallelism()
    return { seconds, available }
  }
}

interface Used {
  readonly role: string
  readonly ms: number
}

function usedByProcess(roles: Roles): Map<number, Used> {
  const roleOf = new Map(Object.entries(roles).flatMap(([role, pids]) => pids().map((pid) => [pid, role])))
  const used = new Map<number, Used>()
  for (const { pid, name } of family()) {
    const role = roleOf.get(pid) ?? OTHERS[name] ?? REST
    try {
      used.set(pid, { role, ms: cpuMs([pid]) })
    } catch {
      // It ended between the two looks.
    }
  }
  return used
}

interface Row {
  readonly pid: number
  readonly parent: number
  readonly name: string
}

/** This process and all that descend from it. */
function family(): readonly Row[] {
  const rows = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => rowOf(Number(name)) ?? [])
  const children = Map.groupBy(rows, ({ parent }) => parent)
  const found = rows.filter(({ pid }) => pid === process.pid)
  for (const { pid } of found) found.push(...(children.get(pid) ?? []))
  return found
}

function rowOf(pid: number): Row | null {
  try {
    const [, name = '', rest = ''] =
      /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
    return { pid, parent: Number(rest.split(' ')[1]), name }
  } catch {
    return null
  }
}

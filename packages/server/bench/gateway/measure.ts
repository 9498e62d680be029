import { readdirSync, readFileSync } from 'node:fs'

/** Processor time of processes so far, all their threads, in milliseconds (`schedstat` of each task). */
export function cpuMs(pids: readonly number[]): number {
  let ns = 0
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
    }
  }
  return ns / 1e6
}

/** The part of it that the kernel used, in milliseconds; counted in ticks of 10. */
export function systemMs(pids: readonly number[]): number {
  const ticks = pids.map((pid) =>
    Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[12]),
  )
  return ticks.reduce((sum, value) => sum + value * 10, 0)
}

/** Resident memory of processes in bytes. */
export function rssBytes(pids: readonly number[]): number {
  let kib = 0
  for (const pid of pids)
    kib += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  return kib * 1_024
}

/** Open descriptors of processes. */
export function descriptors(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0)
}

/** Slab and TCP buffers of the whole machine in bytes. */
export function kernelBytes(): number {
  const slab = Number(/^Slab:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0)
  const pages = Number(/^TCP: .* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1] ?? 0)
  return slab * 1_024 + pages * 4_096
}

/** The value below which a share of `values` lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return Number.NaN
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

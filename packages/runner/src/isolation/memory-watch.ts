import { readdirSync, readFileSync } from 'node:fs'

import { MEMORY_LOOK_MS } from './limits.ts'

/**
 * Calls back once when a process and all that it started use more memory than they may: for where no control group sees to
 * it. It looks the more often the more is used, so what grows by gigabytes in a second is more for a moment. What has left
 * its parents is not counted, unless a sandbox keeps it.
 */
export class MemoryWatch {
  readonly #leader: number
  readonly #maxBytes: number
  readonly #exceeded: () => void
  #timer: NodeJS.Timeout

  constructor(leader: number, maxBytes: number, exceeded: () => void) {
    this.#leader = leader
    this.#maxBytes = maxBytes
    this.#exceeded = exceeded
    this.#timer = this.#lookIn(MEMORY_LOOK_MS.least)
  }

  /** Looks no more. */
  close(): void {
    clearTimeout(this.#timer)
  }

  #lookIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => this.#look(), ms).unref()
  }

  #look(): void {
    const pids = allBelow(this.#leader)
    // What processes share is counted for each of them here, which is cheap; a true count only has to follow if it is too much.
    const most = sum(pids.map(residentBytes))
    const used = most > this.#maxBytes ? sum(pids.map((pid) => ownBytes(pid) ?? residentBytes(pid))) : most
    if (used > this.#maxBytes) return this.#exceeded()
    const room = 1 - used / this.#maxBytes
    this.#timer = this.#lookIn(Math.max(MEMORY_LOOK_MS.least, MEMORY_LOOK_MS.most * room))
  }
}

function allBelow(leader: number): readonly number[] {
  const pids = [leader]
  for (let next = 0; next < pids.length; next += 1) pids.push(...startedBy(pids[next] ?? 0))
  return pids
}

/** A child is listed with the thread that started it. */
function startedBy(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').map(Number).filter(Boolean),
    )
  } catch {
    return []
  }
}

function residentBytes(pid: number): number {
  return bytesOf('VmRSS', read(`/proc/${pid}/status`)) ?? 0
}

/** With its share of what it shares; undefined where the kernel does not tell, as of a program that hides it. */
function ownBytes(pid: number): number | undefined {
  return bytesOf('Pss', read(`/proc/${pid}/smaps_rollup`))
}

function bytesOf(row: string, text: string | undefined): number | undefined {
  const found = new RegExp(`^${row}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found) * 1_024
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

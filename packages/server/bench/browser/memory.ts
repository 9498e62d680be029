import { readFileSync } from 'node:fs'
import type { Browser, CDPSession } from 'playwright-core'

/** What a page takes at one moment, in bytes. */
export interface MemorySample {
  /** The sum of the three that follow, each with what is garbage already. */
  readonly page: number
  /** JavaScript's heap. */
  readonly heap: number
  /** The DOM's heap. */
  readonly dom: number
  /** Array buffers. */
  readonly buffers: number
  /** Private memory of the processes that draw pages. */
  readonly process: number
}

/** Looks at a page's memory. */
export class PageMemory {
  readonly #page: CDPSession
  readonly #pids: readonly number[]

  private constructor(page: CDPSession, pids: readonly number[]) {
    this.#page = page
    this.#pids = pids
  }

  /** Finds the processes that draw pages: the page's, and one that the browser keeps ready and that does nothing. */
  static async of(browser: Browser, page: CDPSession): Promise<PageMemory> {
    const session = await browser.newBrowserCDPSession()
    const { processInfo } = await session.send('SystemInfo.getProcessInfo')
    const pids = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id)
    if (pids.length === 0) throw new Error('The browser has no renderer.')
    return new PageMemory(page, pids)
  }

  async sample(): Promise<MemorySample> {
    const heap = (await this.#page.send('Runtime.getHeapUsage')) as Record<string, number>
    const { usedSize = 0, embedderHeapUsedSize = 0, backingStorageSize = 0 } = heap
    return {
      page: usedSize + embedderHeapUsedSize + backingStorageSize,
      heap: usedSize,
      dom: embedderHeapUsedSize,
      buffers: backingStorageSize,
      process: this.#pids.reduce((sum, pid) => sum + privateBytes(pid), 0),
    }
  }

  /** What remains when all garbage is collected. */
  async atRest(): Promise<MemorySample> {
    for (let round = 0; round < 3; round += 1) await this.#page.send('HeapProfiler.collectGarbage')
    return await this.sample()
  }
}

/** Resident memory of a process that no other one shares. */
function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const sizes = text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)
  return [...sizes].reduce((sum, [, kib]) => sum + Number(kib) * 1_024, 0)
}

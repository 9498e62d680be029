import { readFileSync } from 'node:fs'

/**
 * Programs that the kernel ended because a control group had no more memory: `oom_kill` in `memory.events` (cgroup v2) or
 * `memory.oom_control` (v1).
 */
export class MemoryEvents {
  readonly #path: string | undefined
  readonly #before: number

  /** @param path the file; without it nothing is ever counted */
  constructor(path: string | undefined) {
    this.#path = path
    this.#before = this.#read()
  }

  /** True once there was one. */
  get grown(): boolean {
    return this.#read() > this.#before
  }

  #read(): number {
    if (this.#path === undefined) return 0
    try {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.#path, 'latin1'))?.[1] ?? 0)
    } catch {
      return 0
    }
  }
}

import { type Failure, lowestLimits, type LowerLimits, type SessionLimits } from '@cliscale/sdk/protocol'

import type { IsolationConfig } from '../config.ts'
import { DiskWatch } from './disk-watch.ts'
import { heldLimits, type ProcessCount } from './limits.ts'
import { MemoryEvents } from './memory-events.ts'
import { MemoryWatch } from './memory-watch.ts'

/** The bounds of one session: which hold, what watches over them, and whether one of them ended it. */
export class Bounds {
  readonly #config: IsolationConfig
  readonly #memory: MemoryEvents
  #lower: LowerLimits | undefined
  #watches: readonly (DiskWatch | MemoryWatch | undefined)[] = []

  constructor(config: IsolationConfig) {
    this.#config = config
    this.#memory = new MemoryEvents(config.memoryEvents)
  }

  /** The limits that hold, and by what. */
  get held(): SessionLimits {
    const wanted = lowestLimits(this.#config.limits, this.#lower)
    return heldLimits(wanted, { byGroup: this.#config.groupLimits, counted: this.counted })
  }

  /** Whose processes count as the session's. */
  get counted(): ProcessCount {
    const { isolation, user } = this.#config
    if (isolation === 'bubblewrap') return 'sandbox'
    return user === undefined ? 'others too' : 'own user'
  }

  /** The session has limits of its own; higher ones change nothing. */
  lower(limits: LowerLimits | undefined): void {
    this.#lower = limits
  }

  /**
   * Watches over a session that runs.
   *
   * @param pid the process that was started
   * @param exceeded called when it used too much, at most once for each limit
   */
  watch(pid: number, exceeded: (failure: Failure) => void): void {
    const { diskBytes: disk, memoryBytes: memory } = this.held
    const { workFolder, temporaryFolder } = this.#config
    const folders = [workFolder, ...(temporaryFolder === undefined ? [] : [temporaryFolder])]
    this.#watches = [
      disk === null ? undefined : new DiskWatch(folders, disk.value, () => exceeded(tooMuchDisk(disk.value))),
      memory?.by === 'watch'
        ? new MemoryWatch(pid, memory.value, () => exceeded(tooMuchMemory(memory.value)))
        : undefined,
    ]
  }

  /** Why the kernel ended the command by `signal`, when it had too little memory; other programs it may end unseen. */
  endedBy(signal: NodeJS.Signals | null): Failure | undefined {
    const limit = this.held.memoryBytes
    return limit === null || signal !== 'SIGKILL' || !this.#memory.grown
      ? undefined
      : tooMuchMemory(limit.value)
  }

  /** Watches no more. */
  close(): void {
    for (const watch of this.#watches) watch?.close()
  }
}

function tooMuchDisk(bytes: number): Failure {
  const message = `The session wrote more than the ${bytes} bytes that it may keep on disk.`
  return { code: 'LIMIT_EXCEEDED', message }
}

function tooMuchMemory(bytes: number): Failure {
  const message = `The session used more than the ${bytes} bytes of memory that it may.`
  return { code: 'LIMIT_EXCEEDED', message }
}

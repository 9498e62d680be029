import type { OptionValues } from './config.ts'

/** Bounds of a session. 0: none. */
export interface SessionBounds {
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

/** The options that say them. */
export type BoundOptions = Pick<
  OptionValues,
  'sessionProcesses' | 'sessionMemoryBytes' | 'sessionCpuPercent' | 'sessionOpenFiles' | 'sessionDiskBytes'
>

/** What every session may use. */
export function sessionBounds(config: BoundOptions): SessionBounds {
  return {
    processes: config.sessionProcesses,
    memoryBytes: config.sessionMemoryBytes,
    cpus: config.sessionCpuPercent / 100,
    openFiles: config.sessionOpenFiles,
    diskBytes: config.sessionDiskBytes,
  }
}

/** The same of options of which some could not be read: those have no bound. */
export function knownBounds(config: Partial<BoundOptions>): SessionBounds {
  return sessionBounds({
    sessionProcesses: 0,
    sessionMemoryBytes: 0,
    sessionCpuPercent: 0,
    sessionOpenFiles: 0,
    sessionDiskBytes: 0,
    ...config,
  })
}

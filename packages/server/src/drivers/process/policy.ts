import { createHash } from 'node:crypto'
import type { GroupLimit, GroupLimits } from './control-groups.ts'
import type { UserRange } from './session-users.ts'

/** Bounds of a session. 0: none. */
export interface SessionBounds extends GroupLimits {
  /** Of each process. */
  readonly openFiles: number
  /** Of the work folder and the temporary one together. */
  readonly diskBytes: number
}

/** No bound at all. */
export const UNBOUNDED: SessionBounds = { processes: 0, memoryBytes: 0, cpus: 0, openFiles: 0, diskBytes: 0 }

/** Everything that shapes a runner before it has a session. */
export interface RunnerPolicy {
  /** What the runner puts between the command and the host. */
  readonly isolation: 'none' | 'bubblewrap'
  /** Users of which each runner gets one; null when the server is not root and runners have its own. */
  readonly users: UserRange | null
  /** Shown to an isolated command beside the system's folders, read-only. */
  readonly shownPaths: readonly string[]
  /** Never shown to it, also below what is shown. */
  readonly hiddenPaths: readonly string[]
  /** What a session may use; 0 where there is no bound. */
  readonly limits: SessionBounds
  /** Those of them that control groups see to. */
  readonly groupLimits: readonly GroupLimit[]
  /** Hosts from which a bundle may come over http. */
  readonly bundleHttpHosts: readonly string[]
}

/** A short name of a policy: two runners of one digest are alike. It covers the program and the Node that runs it. */
export function digestOf(
  policy: RunnerPolicy,
  program: { readonly entry: string; readonly version: string },
): string {
  const all = JSON.stringify([policy, program, process.version])
  return createHash('sha256').update(all).digest('base64url').slice(0, 22)
}

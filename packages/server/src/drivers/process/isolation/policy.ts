import { createHash } from 'node:crypto'
import type { OutsideWorld } from '../../../config/outside-world.ts'
import type { SessionBounds } from '../../../config/session-bounds.ts'
import type { GroupLimit } from './control-groups.ts'
import type { UidRange } from '../../../config/uid-range.ts'

/** No bound at all. */
export const UNBOUNDED: SessionBounds = { processes: 0, memoryBytes: 0, cpus: 0, openFiles: 0, diskBytes: 0 }

/** Everything that shapes a runner before it has a session. */
export interface RunnerPolicy {
  /** What the runner puts between the command and the host. */
  readonly isolation: 'none' | 'bubblewrap'
  /** Users of which each runner gets one; null when the server is not root and runners have its own. */
  readonly users: UidRange | null
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
  /** Networks in which a bundle's host may be although they are not public. */
  readonly bundlePrivateNetworks: readonly string[]
}

/** What a runner is made of beside its policy. */
export interface RunnerMakeup {
  readonly entry: string
  readonly version: string
  readonly outsideWorld: OutsideWorld
  /** Variables of the server's own that reach runners, the time zone among them. */
  readonly inherited: Readonly<Record<string, string>>
}

/** A short name of a policy: two runners of one digest are alike. It covers the program and the Node that runs it. */
export function digestOf(
  policy: RunnerPolicy,
  { entry, version, outsideWorld, inherited }: RunnerMakeup,
): string {
  const all = JSON.stringify([policy, entry, version, outsideWorld, inherited, process.version])
  return createHash('sha256').update(all).digest('base64url').slice(0, 22)
}

import { createHash } from 'node:crypto'
import type { UserRange } from './session-users.ts'

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

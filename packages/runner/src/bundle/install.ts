import type { BundleSpec, PhaseReport } from '@cliscale/sdk/protocol'

import { StartFailure } from '../command.ts'

/** What fetching a bundle needs. */
export interface BundleContext {
  readonly folder: string
  readonly httpHosts: readonly string[]
  readonly signal: AbortSignal
  readonly report: (report: PhaseReport) => void
}

/** Folders to search for programs. */
export async function installBundle(bundle: BundleSpec, _context: BundleContext): Promise<readonly string[]> {
  throw new StartFailure('BUNDLE_REFUSED', `The bundle ${bundle.url} cannot be fetched yet.`)
}

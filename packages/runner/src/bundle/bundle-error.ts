import type { ErrorCode } from '@cliscale/sdk/protocol'

import { StartFailure } from '../command.ts'

/** Codes with which the installation of a bundle may fail. */
export type BundleErrorCode = (ErrorCode & `BUNDLE_${string}`) | 'WORK_FOLDER_UNUSABLE' | 'START_FAILED'

/** A bundle that cannot be used; `again` tells whether another attempt may help. */
export class BundleError extends StartFailure {
  readonly again: boolean

  constructor(code: BundleErrorCode, message: string, options: { hint?: string; again?: boolean } = {}) {
    super(code, message, options)
    this.name = 'BundleError'
    this.again = options.again ?? false
  }
}

const NO_ROOM: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full (ENOSPC)',
  EDQUOT: 'The disk quota is used up (EDQUOT)',
}

/** What is said when an error means that nothing more can be written; undefined for another error. */
export function fullDisk(error: unknown): BundleError | undefined {
  const what = NO_ROOM[(error as NodeJS.ErrnoException).code ?? '']
  if (what === undefined) return undefined
  return new BundleError('WORK_FOLDER_UNUSABLE', `${what}: the work folder has no room for the bundle.`, {
    hint: 'Free space where the work folders are, then start the session again.',
  })
}

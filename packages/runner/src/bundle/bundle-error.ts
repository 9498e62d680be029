import type { ErrorCode } from '@cliscale/sdk/protocol'

import { StartFailure } from '../command.ts'

/** A bundle that cannot be used; `again` tells whether another attempt may help. */
export class BundleError extends StartFailure {
  readonly again: boolean

  constructor(
    code: ErrorCode & `BUNDLE_${string}`,
    message: string,
    options: { hint?: string; again?: boolean } = {},
  ) {
    super(code, message, options)
    this.name = 'BundleError'
    this.again = options.again ?? false
  }
}

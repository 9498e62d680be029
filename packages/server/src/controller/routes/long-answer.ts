import type { ServerResponse } from 'node:http'
import type { AccessWatch } from '../../auth/access-watch.ts'
import type { Identity } from '../../auth/identity.ts'

/** An answer that may go on for long after it was allowed. */
export interface LongAnswer {
  /** Ends it early. */
  end(): void
}

/** What {@link endWithAccess} watches over. */
export interface AllowedAnswer {
  readonly identity: Identity
  readonly response: ServerResponse
  readonly answer: LongAnswer
}

/** Ends an answer when the access ends through which it was asked for. */
export function endWithAccess(accesses: AccessWatch<LongAnswer>, allowed: AllowedAnswer): void {
  const { identity, response, answer } = allowed
  const access = identity.access ?? null
  response.once('close', () => accesses.release(access, answer))
  accesses.hold(access, answer)
}

import type { Identity } from '../auth/identity.ts'
import { CodedError } from '../http/coded-error.ts'
import type { SessionRecord } from '../store/session-row.ts'
import type { Sessions } from '../store/sessions.ts'

const SESSION_ID = /^ses_[A-Za-z0-9_-]{16,64}$/

/**
 * A session that the caller may see. Somebody else's session is answered exactly as one that never was.
 *
 * @throws {CodedError} `SESSION_NOT_FOUND`
 */
export async function findOwned(sessions: Sessions, identity: Identity, id: string): Promise<SessionRecord> {
  const session = SESSION_ID.test(id) ? await sessions.get(identity.project, id) : null
  if (session === null || !maySee(identity, session.info.owner)) throw new CodedError('SESSION_NOT_FOUND')
  return session
}

/** True when the caller may see what belongs to `owner` in its project. */
export function maySee(identity: Identity, owner: string): boolean {
  return identity.actsForOthers || identity.subject === owner
}

/**
 * Whose sessions the caller asks for; undefined means everybody's in the project.
 *
 * @throws {CodedError} `FORBIDDEN` when it names somebody else and may not
 */
export function ownerFilter(identity: Identity, owner: string | undefined): string | undefined {
  if (identity.actsForOthers) return owner
  if (owner === undefined || owner === identity.subject) return identity.subject
  throw new CodedError('FORBIDDEN', 'This identity may see its own sessions only.')
}

/**
 * Who a new session belongs to.
 *
 * @throws {CodedError} `FORBIDDEN` when it names somebody else and may not
 */
export function ownerOf(identity: Identity, owner: string | undefined): string {
  if (owner === undefined || owner === identity.subject || identity.actsForOthers)
    return owner ?? identity.subject
  throw new CodedError('FORBIDDEN', 'This identity may start sessions for itself only.')
}

import { randomBytes } from 'node:crypto'
import type { CreateSession, NewSession } from '../../src/store/create-session.ts'
import type { Store } from '../../src/store/store.ts'

/** What a test wants to be different. */
export type SessionChanges = Partial<Omit<CreateSession, 'session'>> & {
  readonly session?: Partial<NewSession>
}

/** A new id as the server makes them. */
export function newId(prefix: 'ses' | 'run' | 'jti'): string {
  return `${prefix}_${randomBytes(17).toString('base64url')}`
}

/** A complete create call in the project `p1`. */
export function newSession(changes: SessionChanges = {}): CreateSession {
  const { session, ...rest } = changes
  return {
    session: {
      id: newId('ses'),
      project: 'p1',
      owner: 'ann',
      template: 'shell',
      command: 'sh',
      args: [],
      metadata: {},
      columns: 80,
      rows: 24,
      isolation: 'none',
      lifetimeSeconds: 3_600,
      idleTimeoutSeconds: 0,
      ...session,
    },
    token: { jti: newId('jti'), role: 'driver', expiresAt: new Date(Date.now() + 60_000), accessId: null },
    sealed: new Uint8Array([1, 2, 3]),
    claimBlank: null,
    ...rest,
  }
}

/** Makes a blank runner of the driver `process`; resolves with its id. */
export async function blankRunner(store: Store): Promise<string> {
  const id = newId('run')
  await store.runners.insert({ id, driver: 'process', policy: 'test', sessionId: null })
  await store.runners.markUp(id, { address: `unix:/run/${id}`, externalId: '1' })
  return id
}

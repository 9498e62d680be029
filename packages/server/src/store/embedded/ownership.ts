import type { Client } from 'pg'
import { newClient } from '../connection.ts'
import { isUnavailable } from '../database-error.ts'
import { type Application, ensureApplication } from './application.ts'

/** A database that is always there. */
const MEETING_PLACE = 'postgres'

/** Advisory lock in the database {@link MEETING_PLACE} that says whose the data is, while its connection lives. */
const OWNER_LOCK = [4203, 1] as const

/** A connection that holds the owner's lock. */
export interface Ownership {
  /** Resolves when the connection is over, and the lock with it. */
  readonly over: Promise<void>
  release(): Promise<void>
  /** Makes role and database unless they are there. False when the connection was lost on the way, and the lock with it. */
  ensure(application: Application): Promise<boolean>
}

/** What an attempt to own the data found. */
export type Claim =
  | { readonly kind: 'owned'; readonly ownership: Ownership }
  /** Another server holds the lock; its pid. */
  | { readonly kind: 'taken'; readonly by: string }
  /** No answer, not yet, or from one whose owner is about to change. */
  | { readonly kind: 'unreachable'; readonly error: Error }

/**
 * Connects as the superuser, by the address that `addressOf` gives for a database, and tries to take the lock. A server
 * that died has lost it with its connection.
 */
export async function claimOwnership(addressOf: (database: string) => string): Promise<Claim> {
  const applicationName = `cliscale-server ${process.pid} owner`
  const open = (database: string): Client =>
    newClient({ connectionString: addressOf(database), applicationName })
  const client = open(MEETING_PLACE)
  const { promise: over, resolve } = Promise.withResolvers<void>()
  client.on('error', () => resolve())
  client.on('end', () => resolve())
  try {
    await client.connect()
    const lock = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
      ...OWNER_LOCK,
    ])
    if (lock.rows[0]?.taken) return { kind: 'owned', ownership: new LockConnection(client, over, open) }
    const by = await holder(client)
    await client.end()
    if (by === null)
      return { kind: 'unreachable', error: new Error('the one that held the data has just left.') }
    return { kind: 'taken', by }
  } catch (error) {
    await client.end().catch(() => undefined)
    return { kind: 'unreachable', error: error instanceof Error ? error : new Error(String(error)) }
  }
}

/** The pid of the server that holds the lock; null when it has let go since. */
async function holder(client: Client): Promise<string | null> {
  const { rows } = await client.query<{ application_name: string }>(
    `SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE a.datname = current_database() AND l.locktype = 'advisory' AND l.classid = $1 AND l.objid = $2 AND l.granted`,
    [...OWNER_LOCK],
  )
  return /\d+/.exec(rows[0]?.application_name ?? '')?.[0] ?? null
}

class LockConnection implements Ownership {
  readonly over: Promise<void>
  readonly #client: Client
  readonly #open: (database: string) => Client

  constructor(client: Client, over: Promise<void>, open: (database: string) => Client) {
    this.#client = client
    this.over = over
    this.#open = open
  }

  async release(): Promise<void> {
    // It may be lost already, and with it the lock.
    await this.#client.end().catch(() => undefined)
  }

  async ensure(application: Application): Promise<boolean> {
    try {
      await ensureApplication(this.#client, application, this.#open)
      return true
    } catch (error) {
      if (!isUnavailable(error)) throw error
      return false
    }
  }
}

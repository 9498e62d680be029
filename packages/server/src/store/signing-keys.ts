import type { Database } from './database.ts'

/** `pending`: published, not used yet. `active`: signs. `retired`: only verifies. */
export type SigningKeyState = 'pending' | 'active' | 'retired'

/** The public half of a signing key. */
export interface SigningKeyRecord {
  readonly kid: string
  readonly state: SigningKeyState
  /** A public JWK (RFC 7517). */
  readonly publicJwk: Readonly<Record<string, unknown>>
  readonly createdAt: Date
  readonly activatedAt: Date | null
  readonly retiredAt: Date | null
}

/** The table `signing_keys`. */
export interface SigningKeys {
  /** Publishes a key, `pending`. Does nothing when the key id is there. */
  publish(kid: string, publicJwk: Readonly<Record<string, unknown>>): Promise<void>
  /** Every key, newest first. */
  list(): Promise<SigningKeyRecord[]>
  /** Makes a published key the active one; the one before is retired. False when there is no such pending key. */
  activate(kid: string): Promise<boolean>
  /** Deletes keys that were retired before `before`; resolves with their ids. */
  deleteRetired(before: Date): Promise<string[]>
}

interface SigningKeyRow {
  readonly kid: string
  readonly state: SigningKeyState
  readonly public_jwk: Record<string, unknown>
  readonly created_at: Date
  readonly activated_at: Date | null
  readonly retired_at: Date | null
}

const LIST = `SELECT kid, state, public_jwk, created_at, activated_at, retired_at FROM signing_keys
ORDER BY created_at DESC, kid`
const PUBLISH = `INSERT INTO signing_keys (kid, state, public_jwk) VALUES ($1, 'pending', $2) ON CONFLICT (kid) DO NOTHING`
const RETIRE = `UPDATE signing_keys SET state = 'retired', retired_at = now() WHERE state = 'active'`
const ACTIVATE = `UPDATE signing_keys SET state = 'active', activated_at = now() WHERE kid = $1`
const DELETE = `DELETE FROM signing_keys WHERE state = 'retired' AND retired_at < $1 RETURNING kid`

/** Queries of the table `signing_keys`. */
export function signingKeysOf(database: Database): SigningKeys {
  return {
    publish: async (kid, publicJwk) => {
      await database.query({ text: PUBLISH, values: [kid, JSON.stringify(publicJwk)] })
    },
    list: async () =>
      (await database.query<SigningKeyRow>({ name: 'signingKeys.list', text: LIST })).map(toRecord),
    // Two statements, because the index that allows one active key is checked row by row.
    activate: (kid) =>
      database.transaction(async (transaction) => {
        const pending = await transaction.query({
          text: `SELECT kid FROM signing_keys WHERE kid = $1 AND state = 'pending' FOR UPDATE`,
          values: [kid],
        })
        if (pending.length === 0) return false
        await transaction.query({ text: RETIRE })
        await transaction.query({ text: ACTIVATE, values: [kid] })
        return true
      }),
    deleteRetired: async (before) => {
      const rows = await database.query<{ kid: string }>({ text: DELETE, values: [before] })
      return rows.map(({ kid }) => kid)
    },
  }
}

function toRecord(row: SigningKeyRow): SigningKeyRecord {
  return {
    kid: row.kid,
    state: row.state,
    publicJwk: row.public_jwk,
    createdAt: row.created_at,
    activatedAt: row.activated_at,
    retiredAt: row.retired_at,
  }
}

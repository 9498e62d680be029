import { asBuffer } from './create-session.ts'
import type { Database } from './database.ts'

/** `api`: for programs. `console`: a browser's sign-in. */
export type ApiKeyKind = 'api' | 'console'

/** A key without its secret. */
export interface ApiKeyRecord {
  readonly id: string
  readonly project: string
  readonly kind: ApiKeyKind
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: Date
  /** Exact to a minute. */
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

/** A key that is to be stored. */
export interface NewApiKey {
  readonly id: string
  readonly project: string
  readonly kind: ApiKeyKind
  readonly name: string
  /** SHA-256 of the key. */
  readonly hash: Uint8Array
  readonly scopes: readonly string[]
  readonly expiresAt?: Date
}

/** The table `api_keys`. */
export interface ApiKeys {
  create(key: NewApiKey): Promise<ApiKeyRecord>
  /** The valid key of this hash; null when there is none, or it is revoked or over its time. Notes the use. */
  findByHash(hash: Uint8Array): Promise<ApiKeyRecord | null>
  /** The valid keys of these hashes, in no order. Notes the use. */
  findByHashes(hashes: readonly Uint8Array[]): Promise<ApiKeyRecord[]>
  list(project: string): Promise<ApiKeyRecord[]>
  /** False when the project has no such key or it was revoked before. */
  revoke(project: string, id: string): Promise<boolean>
  /** Those of the given ids that are valid, with the milliseconds that each has left; null: no end is set. */
  valid(ids: readonly string[]): Promise<ReadonlyMap<string, number | null>>
}

interface ApiKeyRow {
  readonly id: string
  readonly project_id: string
  readonly kind: ApiKeyKind
  readonly name: string
  readonly scopes: string[]
  readonly created_at: Date
  readonly last_used_at: Date | null
  readonly expires_at: Date | null
  readonly revoked_at: Date | null
}

const COLUMNS =
  'k.id, k.project_id, k.kind, k.name, k.scopes, k.created_at, k.last_used_at, k.expires_at, k.revoked_at'

const CREATE = `INSERT INTO api_keys AS k (id, project_id, kind, name, hash, scopes, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${COLUMNS}`

/** The row is locked for the note only when nobody else writes it, so lookups never wait for each other. */
const FIND = `
WITH stale AS MATERIALIZED (
  SELECT k.id FROM api_keys k
  WHERE k.hash = ANY ($1::bytea[]) AND (k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute')
  FOR UPDATE SKIP LOCKED
), noted AS (
  UPDATE api_keys k SET last_used_at = now() FROM stale WHERE k.id = stale.id
)
SELECT ${COLUMNS} FROM api_keys k
WHERE k.hash = ANY ($1::bytea[]) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())`

const LIST = `SELECT ${COLUMNS} FROM api_keys k WHERE k.project_id = $1 ORDER BY k.created_at, k.id`

const REVOKE = `UPDATE api_keys SET revoked_at = now()
WHERE project_id = $1 AND id = $2 AND revoked_at IS NULL RETURNING id`

const VALID = `SELECT k.id, (extract(epoch FROM k.expires_at - now()) * 1000)::float8 AS left_ms FROM api_keys k
WHERE k.id = ANY ($1) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())`

/** Queries of the table `api_keys`. */
export function apiKeysOf(database: Database): ApiKeys {
  const findByHashes = async (hashes: readonly Uint8Array[]): Promise<ApiKeyRecord[]> => {
    const values = [hashes.map(asBuffer)]
    return (await database.query<ApiKeyRow>({ name: 'apiKeys.findByHash', text: FIND, values })).map(toRecord)
  }
  return {
    create: async ({ id, project, kind, name, hash, scopes, expiresAt }) => {
      const values = [id, project, kind, name, asBuffer(hash), scopes, expiresAt ?? null]
      const [row] = await database.query<ApiKeyRow>({ text: CREATE, values })
      if (!row) throw new Error('The insert of an API key returned no row.')
      return toRecord(row)
    },
    findByHash: async (hash) => (await findByHashes([hash]))[0] ?? null,
    findByHashes,
    list: async (project) =>
      (await database.query<ApiKeyRow>({ text: LIST, values: [project] })).map(toRecord),
    revoke: async (project, id) => (await database.query({ text: REVOKE, values: [project, id] })).length > 0,
    valid: async (ids) => {
      const rows = await database.query<{ id: string; left_ms: number | null }>({
        name: 'apiKeys.valid',
        text: VALID,
        values: [ids],
      })
      return new Map(rows.map((row) => [row.id, row.left_ms]))
    },
  }
}

function toRecord(row: ApiKeyRow): ApiKeyRecord {
  return {
    id: row.id,
    project: row.project_id,
    kind: row.kind,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  }
}

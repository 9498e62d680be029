import type { Isolation, RecordingInfo, Role } from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'
import type { Database } from './database.ts'
import type { RunnerKind } from './runners.ts'
import { RUNNER_COLUMNS, type RunnerRecord, type RunnerRow, toRunnerRecord } from './runner-row.ts'
import { SESSION_COLUMNS, type SessionRecord, type SessionRow, toSessionRecord } from './session-row.ts'

/** A session that is to be made. Times come from the database's clock. */
export interface NewSession {
  /** `ses_` and 22 or more URL-safe characters. */
  readonly id: string
  readonly project: string
  readonly owner: string
  readonly template: string
  readonly command: string
  readonly args: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly columns: number
  readonly rows: number
  readonly isolation: Isolation
  readonly lifetimeSeconds: number
  readonly idleTimeoutSeconds: number
  /** Default: it is not recorded. */
  readonly recording?: RecordingInfo['mode']
}

/** A token that is to be put on the allow-list. */
export interface NewToken {
  readonly jti: string
  readonly role: Role
  readonly expiresAt: Date
  /** The API key or sign-in that it is minted through: it ends with that. Null: it ends by itself. */
  readonly accessId: string | null
}

/** What {@link createSession} writes. */
export interface CreateSession {
  readonly session: NewSession
  readonly token: NewToken
  /** The assignment, sealed. */
  readonly sealed: Uint8Array
  /** A repeat of the same project and owner with the same key and digest finds the session that was made before. */
  readonly idempotency?: { readonly key: string; readonly digest: Uint8Array }
  /** Kind of blank runner that may be claimed; null leaves the session queued. */
  readonly claimBlank: RunnerKind | null
  /** Most live sessions, this one included. */
  readonly limits?: { readonly perOwner: number; readonly perProject: number }
}

/** What {@link createSession} found or made. */
export interface CreatedSession extends SessionRecord {
  /** False: the earlier session of the same idempotency key; the token was not recorded. */
  readonly created: boolean
  /** The blank runner that was claimed. */
  readonly runner: RunnerRecord | null
}

interface CreatedRow {
  readonly session: 'made' | 'earlier' | null
  readonly digest: Buffer | null
  readonly over: 'owner' | 'project' | null
}
type JoinedRow = CreatedRow & Prefixed<SessionRow> & { readonly runner: RunnerJson | null }
type Prefixed<T> = { readonly [K in keyof T]: T[K] }
type RunnerJson = Omit<RunnerRow, 'created_at' | 'ready_at' | 'released_at' | 'ended_at'> & {
  readonly created_at: string
  readonly ready_at: string | null
  readonly released_at: string | null
  readonly ended_at: string | null
}

/** One statement: count, find the earlier one, claim, insert session, event and token. */
const CREATE = `
WITH earlier AS MATERIALIZED (
  SELECT ${SESSION_COLUMNS}, s.request_digest FROM sessions s
  WHERE s.project_id = $2 AND s.owner = $3 AND s.idempotency_key = $15
), quota AS MATERIALIZED (
  SELECT CASE WHEN n.of_owner >= $18 THEN 'owner' WHEN n.of_project >= $19 THEN 'project' END AS over
  FROM lock_and_count_live($2, $3) n
  WHERE $18::bigint IS NOT NULL AND NOT EXISTS (SELECT FROM earlier)
), allowed AS MATERIALIZED (
  SELECT WHERE NOT EXISTS (SELECT FROM earlier) AND NOT EXISTS (SELECT FROM quota WHERE over IS NOT NULL)
), blank AS MATERIALIZED (
  SELECT r.id FROM runners r
  WHERE r.state = 'blank' AND r.driver = $17 AND r.policy = $21 AND EXISTS (SELECT FROM allowed)
  ORDER BY r.ready_at LIMIT 1 FOR UPDATE SKIP LOCKED
), s AS (
  INSERT INTO sessions (id, project_id, owner, template, command, args, metadata, columns, rows, isolation,
    lifetime_seconds, idle_timeout_seconds, expires_at, sealed, idempotency_key, request_digest,
    state, phase, runner_id, attempts, recording_mode, recording_state)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::integer, $12, now() + make_interval(secs => $11::integer), $14, $15, $16,
    CASE WHEN blank.id IS NULL THEN 'queued' ELSE 'scheduled' END,
    jsonb_build_object('phase', CASE WHEN blank.id IS NULL THEN 'queued' ELSE 'scheduled' END),
    blank.id, CASE WHEN blank.id IS NULL THEN 0 ELSE 1 END,
    $20::text, CASE WHEN $20::text IS NOT NULL THEN 'recording' END
  FROM allowed LEFT JOIN blank ON true
  ON CONFLICT (project_id, owner, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
  RETURNING *
), r AS (
  UPDATE runners r SET state = 'claimed', session_id = s.id FROM s WHERE r.id = s.runner_id RETURNING ${RUNNER_COLUMNS}
), token AS (
  INSERT INTO session_tokens (jti, session_id, role, expires_at, access_id)
  SELECT $13::jsonb->>'jti', s.id, $13::jsonb->>'role', ($13::jsonb->>'expiresAt')::timestamptz,
    $13::jsonb->>'accessId' FROM s
), event AS (
  INSERT INTO session_events (session_id, project_id, type, state, body)
  SELECT s.id, s.project_id, 'created', s.state, '{}' FROM s LEFT JOIN r ON true
)
SELECT 'made' AS session, NULL::bytea AS digest, NULL AS over, ${SESSION_COLUMNS}, to_jsonb(r) AS runner
FROM s LEFT JOIN r ON true
UNION ALL
SELECT 'earlier', s.request_digest, NULL, ${SESSION_COLUMNS}, NULL FROM earlier s
UNION ALL
SELECT NULL, NULL, quota.over, ${SESSION_COLUMNS}, NULL
FROM quota LEFT JOIN sessions s ON false WHERE quota.over IS NOT NULL`

const EARLIER = `SELECT 'earlier' AS session, s.request_digest AS digest, NULL AS over, ${SESSION_COLUMNS}, NULL AS runner
FROM sessions s WHERE s.project_id = $1 AND s.owner = $2 AND s.idempotency_key = $3`

/**
 * Makes a session in one round trip: row, `created` event, first token, and a blank runner if there is one.
 * @throws {CodedError} `IDEMPOTENCY_MISMATCH`, `QUOTA_EXCEEDED`, `DATABASE_UNAVAILABLE`
 */
export async function createSession(database: Database, input: CreateSession): Promise<CreatedSession> {
  const [row] = await database.query<JoinedRow>({
    name: 'sessions.create',
    text: CREATE,
    values: valuesOf(input),
  })
  if (row?.session === 'made') return resultOf(row, input)
  // No row, or a full quota: another call with the same key may have committed after this statement's snapshot.
  const earlier = row?.session === 'earlier' ? row : await findEarlier(database, input)
  if (earlier) return resultOf(earlier, input)
  throw new CodedError(
    'QUOTA_EXCEEDED',
    row?.over === 'owner'
      ? `This owner has ${String(input.limits?.perOwner)} live sessions, which is the most allowed; end one first.`
      : `The project has ${String(input.limits?.perProject)} live sessions, which is the most allowed; end one first.`,
  )
}

async function findEarlier(
  database: Database,
  { session, idempotency }: CreateSession,
): Promise<JoinedRow | undefined> {
  if (!idempotency) return undefined
  const values = [session.project, session.owner, idempotency.key]
  const [row] = await database.query<JoinedRow>({ text: EARLIER, values })
  return row
}

function resultOf(row: JoinedRow, input: CreateSession): CreatedSession {
  const created = row.session === 'made'
  if (!created && !row.digest?.equals(input.idempotency?.digest ?? new Uint8Array())) {
    throw new CodedError('IDEMPOTENCY_MISMATCH')
  }
  return { ...toSessionRecord(row), created, runner: row.runner && toRunnerRecord(revive(row.runner)) }
}

function revive(runner: RunnerJson): RunnerRow {
  const time = (text: string | null): Date | null => (text === null ? null : new Date(text))
  return {
    ...runner,
    created_at: new Date(runner.created_at),
    ready_at: time(runner.ready_at),
    released_at: time(runner.released_at),
    ended_at: time(runner.ended_at),
  }
}

function valuesOf({ session, token, sealed, idempotency, claimBlank, limits }: CreateSession): unknown[] {
  return [
    session.id,
    session.project,
    session.owner,
    session.template,
    session.command,
    JSON.stringify(session.args),
    JSON.stringify(session.metadata),
    session.columns,
    session.rows,
    session.isolation,
    session.lifetimeSeconds,
    session.idleTimeoutSeconds,
    JSON.stringify({ ...token, expiresAt: token.expiresAt.toISOString() }),
    asBuffer(sealed),
    idempotency?.key ?? null,
    idempotency ? asBuffer(idempotency.digest) : null,
    claimBlank?.driver ?? null,
    limits?.perOwner ?? null,
    limits?.perProject ?? null,
    session.recording ?? null,
    claimBlank?.policy ?? null,
  ]
}

/** `pg` sends a Buffer as bytea; a plain Uint8Array it would not know in every version. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

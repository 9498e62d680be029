import { PAGE_SIZE, type SessionState } from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'
import type { Database } from './database.ts'
import { SESSION_COLUMNS, type SessionRecord, type SessionRow, toSessionRecord } from './session-row.ts'

/** Which sessions, and which page of them. */
export interface ListSessions {
  readonly project: string
  /** `live`: every state but `ended`. */
  readonly state?: SessionState | 'live'
  readonly owner?: string
  /** Sessions that have all of these labels. */
  readonly metadata?: Readonly<Record<string, string>>
  /** Default and bounds: `PAGE_SIZE`. */
  readonly limit?: number
  /** `nextCursor` of the page before. */
  readonly cursor?: string
}

/** One page, newest first. */
export interface SessionPage {
  readonly sessions: readonly SessionRecord[]
  /** Null on the last page. */
  readonly nextCursor: string | null
}

const LIST = `SELECT ${SESSION_COLUMNS} FROM sessions s
WHERE s.project_id = $1
  AND ($2::text IS NULL OR s.state = $2 OR ($2 = 'live' AND s.state <> 'ended'))
  AND ($3::text IS NULL OR s.owner = $3)
  AND ($4::jsonb IS NULL OR s.metadata @> $4)
  AND ($5::timestamptz IS NULL OR (s.created_at, s.id) < ($5, $6))
ORDER BY s.created_at DESC, s.id DESC LIMIT $7`

/** @throws {CodedError} `VALIDATION_FAILED` for a cursor that this function did not make */
export async function listSessions(database: Database, query: ListSessions): Promise<SessionPage> {
  const limit = Math.min(Math.max(query.limit ?? PAGE_SIZE.default, PAGE_SIZE.min), PAGE_SIZE.max)
  const after = query.cursor === undefined ? null : readCursor(query.cursor)
  // One row more than asked for tells whether there is another page. Without a name each set of filters gets its own
  // plan, which for a filter that is left out is another one.
  const rows = await database.query<SessionRow>({
    text: LIST,
    values: [
      query.project,
      query.state ?? null,
      query.owner ?? null,
      query.metadata ? JSON.stringify(query.metadata) : null,
      after?.createdAt ?? null,
      after?.id ?? null,
      limit + 1,
    ],
  })
  const sessions = rows.slice(0, limit).map(toSessionRecord)
  const last = sessions.at(-1)
  return { sessions, nextCursor: rows.length > limit && last ? writeCursor(last) : null }
}

function writeCursor({ info }: SessionRecord): string {
  return Buffer.from(JSON.stringify([info.createdAt, info.id])).toString('base64url')
}

function readCursor(cursor: string): { createdAt: Date; id: string } {
  const [time, id] = parsePair(cursor)
  const createdAt = new Date(typeof time === 'string' ? time : Number.NaN)
  if (typeof id !== 'string' || id.includes('\0') || Number.isNaN(createdAt.getTime())) throw badCursor()
  return { createdAt, id }
}

function parsePair(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString())
    return Array.isArray(value) && value.length === 2 ? (value as unknown[]) : []
  } catch {
    throw badCursor()
  }
}

function badCursor(): CodedError {
  return new CodedError(
    'VALIDATION_FAILED',
    'The cursor is not one that this call gave; start without one.',
    {
      details: [{ field: 'cursor', problem: 'is not a cursor of this list' }],
    },
  )
}

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

/** @throws {CodedError} `VALIDATION_FAILED` for a cursor that this function did not make */
export async function listSessions(database: Database, query: ListSessions): Promise<SessionPage> {
  const limit = Math.min(Math.max(query.limit ?? PAGE_SIZE.default, PAGE_SIZE.min), PAGE_SIZE.max)
  const { conditions, values } = filtersOf(query)
  // One row more than asked for tells whether there is another page.
  const text = `SELECT ${SESSION_COLUMNS} FROM sessions s WHERE ${conditions.join(' AND ')}
    ORDER BY s.created_at DESC, s.id DESC LIMIT ${limit + 1}`
  const rows = await database.query<SessionRow>({ text, values })
  const sessions = rows.slice(0, limit).map(toSessionRecord)
  const last = sessions.at(-1)
  return { sessions, nextCursor: rows.length > limit && last ? writeCursor(last) : null }
}

/** Only the filters that were asked for, so that each set of them gets a plan that fits. */
function filtersOf(query: ListSessions): { conditions: string[]; values: unknown[] } {
  const conditions: string[] = []
  const values: unknown[] = []
  const add = (condition: (first: string, second: string) => string, ...more: unknown[]): void => {
    conditions.push(condition(`$${values.length + 1}`, `$${values.length + 2}`))
    values.push(...more)
  }
  add((project) => `s.project_id = ${project}`, query.project)
  if (query.state === 'live') conditions.push(`s.state <> 'ended'`)
  else if (query.state !== undefined) add((state) => `s.state = ${state}`, query.state)
  if (query.owner !== undefined) add((owner) => `s.owner = ${owner}`, query.owner)
  if (query.metadata) add((metadata) => `s.metadata @> ${metadata}::jsonb`, JSON.stringify(query.metadata))
  if (query.cursor !== undefined) {
    const { createdAt, id } = readCursor(query.cursor)
    add((time, last) => `(s.created_at, s.id) < (${time}, ${last})`, createdAt, id)
  }
  return { conditions, values }
}

/** What `toISOString` writes of a time of ours. JavaScript knows others that PostgreSQL does not. */
const WRITTEN_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

function writeCursor({ info }: SessionRecord): string {
  return Buffer.from(JSON.stringify([info.createdAt, info.id])).toString('base64url')
}

function readCursor(cursor: string): { createdAt: Date; id: string } {
  const [time, id] = parsePair(cursor)
  const createdAt = new Date(typeof time === 'string' && WRITTEN_TIME.test(time) ? time : Number.NaN)
  if (typeof id !== 'string' || !id.isWellFormed() || id.includes('\0') || Number.isNaN(createdAt.getTime()))
    throw badCursor()
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

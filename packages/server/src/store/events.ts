import type { SessionEvent, SessionEventType, SessionState } from '@cliscale/sdk/protocol'
import type { Database } from './database.ts'

/** Whose events. */
export type EventFilter =
  { readonly sessionId: string } | { readonly project: string; readonly owner?: string }

/** The table `session_events`. Rows are written by the statements that change a session. */
export interface Events {
  /**
   * Events with a greater sequence number, in order. Numbers become visible in order, so after reading `n` no smaller
   * one appears.
   */
  after(seq: number, filter: EventFilter, limit?: number): Promise<SessionEvent[]>
  /** The greatest number given so far; 0 when there is none. */
  lastSeq(): Promise<number>
}

interface EventRow {
  readonly seq: number
  readonly session_id: string
  readonly at: Date
  readonly type: SessionEventType
  readonly state: SessionState
  readonly body: Record<string, unknown>
}

const COLUMNS = 'e.seq, e.session_id, e.at, e.type, e.state, e.body'
const OF_SESSION = `SELECT ${COLUMNS} FROM session_events e WHERE e.session_id = $2 AND e.seq > $1 ORDER BY e.seq LIMIT $3`
const OF_PROJECT = `SELECT ${COLUMNS} FROM session_events e WHERE e.project_id = $2 AND e.seq > $1 ORDER BY e.seq LIMIT $3`
const OF_OWNER = `SELECT ${COLUMNS} FROM session_events e JOIN sessions s ON s.id = e.session_id
WHERE e.project_id = $2 AND e.seq > $1 AND s.owner = $4 ORDER BY e.seq LIMIT $3`

/** Queries of the table `session_events`. */
export function eventsOf(database: Database): Events {
  return {
    after: async (seq, filter, limit = 500) => {
      const rows = await database.query<EventRow>(statementFor(seq, filter, limit))
      return rows.map(toEvent)
    },
    lastSeq: async () => {
      const [row] = await database.query<{ seq: number | null }>({
        name: 'events.lastSeq',
        text: 'SELECT max(seq) AS seq FROM session_events',
      })
      return row?.seq ?? 0
    },
  }
}

function statementFor(
  seq: number,
  filter: EventFilter,
  limit: number,
): { name: string; text: string; values: unknown[] } {
  if ('sessionId' in filter) {
    return { name: 'events.ofSession', text: OF_SESSION, values: [seq, filter.sessionId, limit] }
  }
  if (filter.owner !== undefined) {
    return { name: 'events.ofOwner', text: OF_OWNER, values: [seq, filter.project, limit, filter.owner] }
  }
  return { name: 'events.ofProject', text: OF_PROJECT, values: [seq, filter.project, limit] }
}

function toEvent(row: EventRow): SessionEvent {
  // The writers in this folder give each type the body that the contract names.
  return {
    seq: row.seq,
    sessionId: row.session_id,
    at: row.at.toISOString(),
    type: row.type,
    state: row.state,
    ...row.body,
  } as SessionEvent
}

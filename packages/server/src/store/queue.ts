import type { Database } from './database.ts'

/** A session that waits for a runner. */
export interface QueuedSession {
  readonly id: string
  readonly project: string
  readonly owner: string
  /** 1-based. */
  readonly position: number
  readonly attempts: number
  readonly createdAt: Date
  /** No runner before this time. */
  readonly retryAt: Date | null
}

/**
 * Every live session, those that wait with their place in the fair order. A project's turn comes by how many sessions
 * it has at work plus how many of its own wait before; an owner's turn within its project likewise; then age. So one
 * owner's thousand sessions delay another's first by one.
 */
export const QUEUE = `
WITH by_owner AS (
  SELECT s.*, s.state = 'queued' AS waits,
    count(*) FILTER (WHERE s.state <> 'queued') OVER (PARTITION BY s.project_id) AS project_at_work,
    count(*) FILTER (WHERE s.state <> 'queued') OVER (PARTITION BY s.project_id, s.owner)
      + count(*) FILTER (WHERE s.state = 'queued')
        OVER (PARTITION BY s.project_id, s.owner ORDER BY s.created_at, s.id) AS owner_turn
  FROM sessions s WHERE s.state <> 'ended'
), by_project AS (
  SELECT *, project_at_work + count(*) FILTER (WHERE waits)
    OVER (PARTITION BY project_id ORDER BY owner_turn, created_at, id) AS project_turn
  FROM by_owner
), queue AS (
  SELECT *, CASE WHEN waits
    THEN row_number() OVER (ORDER BY waits DESC, project_turn, owner_turn, created_at, id) END AS position
  FROM by_project
)`

/** The head of the queue. */
export interface QueueHead {
  /** In their fair order. */
  readonly sessions: readonly QueuedSession[]
  /** How many wait in all. */
  readonly total: number
}

interface QueueRow {
  readonly total: number
  readonly id: string
  readonly project_id: string
  readonly owner: string
  readonly position: number
  readonly attempts: number
  readonly created_at: Date
  readonly retry_at: Date | null
}

/** The first `limit` waiting sessions in their fair order. The whole queue is put in order for that, so counting it costs nothing. */
export async function queuedSessions(database: Database, limit: number): Promise<QueueHead> {
  const rows = await database.byIndex((transaction) =>
    transaction.query<QueueRow>({
      name: 'sessions.queued',
      text: `${QUEUE} SELECT id, project_id, owner, position, attempts, created_at, retry_at, count(*) OVER () AS total
        FROM queue WHERE waits ORDER BY position LIMIT $1`,
      values: [limit],
    }),
  )
  const sessions = rows.map((row) => ({
    id: row.id,
    project: row.project_id,
    owner: row.owner,
    position: row.position,
    attempts: row.attempts,
    createdAt: row.created_at,
    retryAt: row.retry_at,
  }))
  return { sessions, total: rows[0]?.total ?? 0 }
}

/** Where a session stands in the queue, from 1; null when it does not wait. */
export async function queuePosition(database: Database, id: string): Promise<number | null> {
  const [row] = await database.byIndex((transaction) =>
    transaction.query<{ position: number }>({
      name: 'sessions.queuePosition',
      text: `${QUEUE} SELECT position FROM queue WHERE id = $1`,
      values: [id],
    }),
  )
  return row?.position ?? null
}

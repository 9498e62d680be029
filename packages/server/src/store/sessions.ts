import type {
  EndReason,
  Isolation,
  Phase,
  PhaseReport,
  SessionExit,
  SessionLimits,
  SessionState,
} from '@cliscale/sdk/protocol'
import { type CreatedSession, type CreateSession, createSession } from './create-session.ts'
import type { Database, Queryable } from './database.ts'
import { type ListSessions, listSessions, type SessionPage } from './list-sessions.ts'
import { QUEUE, type QueueHead, queuedSessions, queuePosition } from './queue.ts'
import { SESSION_COLUMNS, type SessionRecord, type SessionRow, toSessionRecord } from './session-row.ts'
import { storableJson, storableText } from './storable.ts'
import { findTarget, type SessionTarget } from './target.ts'

/** Where a session goes, with what must be known there. The event row follows from it. */
export type Move =
  | { readonly to: Phase; readonly phase: PhaseReport }
  /** `found`: what its runner keeps it apart and within bounds with; default: as it was planned. */
  | {
      readonly to: 'running'
      readonly found?: { readonly isolation: Isolation; readonly limits: SessionLimits }
    }
  | { readonly to: 'ending'; readonly reason: EndReason }
  /**
   * `runner`: what becomes of the session's runner in the same statement; default `lingering`, which also says that the
   * runner had taken the session: a command may end before anybody could note that it was handed over.
   */
  | { readonly to: 'ended'; readonly exit: SessionExit; readonly runner?: 'lingering' | 'ended' }

/** One guarded change of a session. */
export interface Transition {
  readonly id: string
  /** The change happens only from one of these states. */
  readonly from: readonly SessionState[]
  readonly move: Move
  /** The change happens only while the session has this runner. Default: any. */
  readonly runnerId?: string
}

/** What {@link Sessions.update} changes. */
export interface UpdateSession {
  readonly project: string
  readonly id: string
  /** New end of life, counted from now. */
  readonly lifetimeSeconds?: number
  /** The whole life ends at the latest so long after the creation. Default: no bound. */
  readonly maxLifetimeSeconds?: number
  /** Replaces the metadata. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Gives a session back to the queue because its runner did not come up. */
export interface Requeue {
  readonly id: string
  /** The runner that failed; its row ends in the same statement. */
  readonly runnerId: string
  /** One sentence; becomes the runner's detail and the phase's message. */
  readonly message: string
  /** Pause before the next runner. */
  readonly retryAfterMs: number
}

/** A live session as the reconciler sees it. */
export interface LiveSession {
  readonly id: string
  readonly project: string
  readonly owner: string
  readonly state: SessionState
  readonly runnerId: string | null
  readonly attempts: number
  readonly endReason: EndReason | null
  readonly createdAt: Date
  /** When its command was told to end. */
  readonly endingAt: Date | null
  readonly expiresAt: Date
  readonly retryAt: Date | null
}

/** The table `sessions`. */
export interface Sessions {
  /** @throws {CodedError} `IDEMPOTENCY_MISMATCH`, `QUOTA_EXCEEDED` */
  create(input: CreateSession): Promise<CreatedSession>
  /** Null when the project has no such session. */
  get(project: string, id: string): Promise<SessionRecord | null>
  /** Whatever its project. */
  find(id: string): Promise<SessionRecord | null>
  /** Newest first. @throws {CodedError} `VALIDATION_FAILED` for a cursor that this call did not make */
  list(query: ListSessions): Promise<SessionPage>
  /** State, event and notification in one statement. Null when the session was in another state: nothing changed. */
  transition(transition: Transition): Promise<SessionRecord | null>
  /** Progress without a change of state. Null when the session is not in the report's phase any more. */
  recordPhase(id: string, phase: PhaseReport): Promise<SessionRecord | null>
  /** Null when the project has no such live session. */
  update(update: UpdateSession): Promise<SessionRecord | null>
  /** Null when the session no longer waits for that runner. */
  requeue(requeue: Requeue): Promise<SessionRecord | null>
  countLive(filter: { readonly project: string; readonly owner?: string }): Promise<number>
  /** The first of the waiting sessions, fairest first (`queue.ts`), and how many there are. */
  queued(limit: number): Promise<QueueHead>
  /** 1-based; null when it does not wait. */
  queuePosition(id: string): Promise<number | null>
  /** Every session that has not ended: those that wait in their fair order, then the others, oldest first. */
  live(): Promise<LiveSession[]>
  /** Live sessions whose lifetime is over. */
  expired(now: Date, limit: number): Promise<LiveSession[]>
  /** The sealed assignment; null when there is none any more. */
  readSealed(id: string): Promise<Buffer | null>
  /** Erases the assignment. Also done by `runners.markAssigned` and by the end. */
  eraseSealed(id: string): Promise<void>
  /** What a gateway needs to attach or to go on waiting. */
  target(id: string): Promise<SessionTarget | null>
}

/** Queries of the table `sessions`. */
export function sessionsOf(database: Database): Sessions {
  const one = async (
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<SessionRecord | null> => {
    const [row] = await database.query<SessionRow>({ name, text, values })
    return row ? toSessionRecord(row) : null
  }
  return {
    create: (input) => createSession(database, input),
    get: (project, id) => one('sessions.get', GET, [project, id]),
    find: (id) => one('sessions.find', FIND, [id]),
    list: (query) => listSessions(database, query),
    transition: (transition) => one('sessions.transition', TRANSITION, transitionValues(transition)),
    recordPhase: (id, phase) =>
      one('sessions.recordPhase', RECORD_PHASE, [id, phase.phase, storableJson(phase)]),
    update: (update) =>
      one('sessions.update', UPDATE, [
        update.project,
        update.id,
        update.lifetimeSeconds ?? null,
        update.metadata ? JSON.stringify(update.metadata) : null,
        update.maxLifetimeSeconds ?? null,
      ]),
    requeue: ({ id, runnerId, message, retryAfterMs }) =>
      one('sessions.requeue', REQUEUE, [id, runnerId, storableText(message), retryAfterMs]),
    countLive: async ({ project, owner }) => {
      const [row] = await database.query<{ count: number }>({
        text: `SELECT count(*) FROM sessions WHERE state <> 'ended' AND project_id = $1 AND ($2::text IS NULL OR owner = $2)`,
        values: [project, owner ?? null],
      })
      return row?.count ?? 0
    },
    queued: (limit) => queuedSessions(database, limit),
    queuePosition: (id) => queuePosition(database, id),
    live: () => database.byIndex(liveSessions),
    expired: async (now, limit) => {
      const rows = await database.query<SessionRow>({
        name: 'sessions.expired',
        text: EXPIRED,
        values: [now, limit],
      })
      return rows.map(toLive)
    },
    readSealed: async (id) => {
      const [row] = await database.query<{ sealed: Buffer | null }>({
        name: 'sessions.readSealed',
        text: 'SELECT sealed FROM sessions WHERE id = $1',
        values: [id],
      })
      return row?.sealed ?? null
    },
    eraseSealed: async (id) => {
      await database.query({ text: 'UPDATE sessions SET sealed = NULL WHERE id = $1', values: [id] })
    },
    target: (id) => findTarget(database, id),
  }
}

/** As {@link Sessions.live}, in a transaction of the caller's. */
export async function liveSessions(database: Queryable): Promise<LiveSession[]> {
  return (await database.query<SessionRow>({ name: 'sessions.live', text: LIVE })).map(toLive)
}

const GET = `SELECT ${SESSION_COLUMNS} FROM sessions s WHERE s.project_id = $1 AND s.id = $2`
const FIND = `SELECT ${SESSION_COLUMNS} FROM sessions s WHERE s.id = $1`

const LIVE_COLUMNS =
  's.id, s.project_id, s.owner, s.state, s.runner_id, s.attempts, s.end_reason, s.created_at, s.ending_at, s.expires_at, s.retry_at'
const LIVE = `${QUEUE} SELECT ${LIVE_COLUMNS} FROM queue s ORDER BY s.position, s.created_at, s.id`
const EXPIRED = `SELECT ${LIVE_COLUMNS} FROM sessions s
WHERE s.state <> 'ended' AND s.expires_at <= $1 ORDER BY s.expires_at LIMIT $2`

/**
 * A session that somebody has begun to end ends for that reason, whoever is first to find out that it is over: its runner's
 * loss is then no failure but what was wanted. Of what the finder knows, code and signal count.
 *
 * The event joins the runner's row, so that every row lock is taken before the events' lock.
 */
const TRANSITION = `
WITH s AS (
  UPDATE sessions s SET
    state = $3,
    phase = $4,
    started_at = CASE WHEN $3 = 'running' THEN COALESCE(s.started_at, now()) ELSE s.started_at END,
    ending_at = CASE WHEN $3 = 'ending' THEN now() ELSE s.ending_at END,
    ended_at = CASE WHEN $3 = 'ended' THEN now() END,
    end_reason = CASE WHEN s.state = 'ending' THEN s.end_reason ELSE COALESCE($5, s.end_reason) END,
    exit = CASE WHEN s.state = 'ending' AND s.end_reason <> $5
      THEN jsonb_build_object('code', $6::jsonb->'code', 'signal', $6::jsonb->'signal', 'reason', s.end_reason)
      ELSE $6::jsonb END,
    isolation = COALESCE($10::jsonb->>'isolation', s.isolation),
    limits = COALESCE($10::jsonb->'limits', s.limits),
    sealed = CASE WHEN $3 = 'ended' THEN NULL ELSE s.sealed END
  WHERE s.id = $1 AND s.state = ANY ($2) AND ($9::text IS NULL OR s.runner_id = $9)
  RETURNING s.*
), r AS (
  UPDATE runners r SET
    state = $7, released_at = now(), ended_at = CASE WHEN $7 = 'ended' THEN now() END,
    assigned = r.assigned OR $7 = 'lingering'
  FROM s WHERE $7::text IS NOT NULL AND r.session_id = s.id AND r.state IN ('creating', 'claimed')
  RETURNING r.id
), event AS (
  INSERT INTO session_events (session_id, project_id, type, state, body)
  SELECT s.id, s.project_id, $8::jsonb->>'type', s.state,
    CASE WHEN $3 = 'ended' THEN jsonb_build_object('exit', s.exit) ELSE $8::jsonb - 'type' END
  FROM s LEFT JOIN r ON true
)
SELECT ${SESSION_COLUMNS} FROM s`

function transitionValues({ id, from, move, runnerId }: Transition): unknown[] {
  const ended = move.to === 'ended'
  return [
    id,
    from,
    move.to,
    'phase' in move ? storableJson(move.phase) : null,
    reasonOf(move),
    ended ? storableJson(move.exit) : null,
    ended ? (move.runner ?? 'lingering') : null,
    storableJson(eventOf(move)),
    runnerId ?? null,
    move.to === 'running' && move.found !== undefined ? storableJson(move.found) : null,
  ]
}

function reasonOf(move: Move): EndReason | null {
  if (move.to === 'ending') return move.reason
  return move.to === 'ended' ? move.exit.reason : null
}

function eventOf(move: Move): object {
  switch (move.to) {
    case 'running':
      return { type: 'running', ...move.found }
    case 'ending':
      return { type: 'ending', reason: move.reason }
    case 'ended':
      // The statement adds the exit: it may keep an earlier reason.
      return { type: 'ended' }
    default:
      return { type: 'phase', phase: move.phase }
  }
}

const RECORD_PHASE = `
WITH s AS (
  UPDATE sessions s SET phase = $3 WHERE s.id = $1 AND s.state = $2 RETURNING s.*
), event AS (
  INSERT INTO session_events (session_id, project_id, type, state, body)
  SELECT s.id, s.project_id, 'phase', s.state, jsonb_build_object('phase', s.phase) FROM s
)
SELECT ${SESSION_COLUMNS} FROM s`

const UPDATE = `
WITH s AS (
  UPDATE sessions s SET
    expires_at = CASE WHEN $3::integer IS NULL THEN s.expires_at
      ELSE LEAST(now() + make_interval(secs => $3::integer), s.created_at + make_interval(secs => $5::integer)) END,
    lifetime_seconds = CASE WHEN $3::integer IS NULL THEN s.lifetime_seconds
      ELSE LEAST(ceil(extract(epoch FROM now() - s.created_at) + $3::integer)::integer, $5::integer) END,
    metadata = COALESCE($4, s.metadata)
  WHERE s.project_id = $1 AND s.id = $2 AND s.state NOT IN ('ending', 'ended')
  RETURNING s.*
), event AS (
  INSERT INTO session_events (session_id, project_id, type, state, body)
  SELECT s.id, s.project_id, 'updated', s.state,
    jsonb_build_object('expiresAt', to_char(s.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
  FROM s
)
SELECT ${SESSION_COLUMNS} FROM s`

const REQUEUE = `
WITH s AS (
  UPDATE sessions s SET
    state = 'queued', runner_id = NULL, retry_at = now() + make_interval(secs => $4 / 1000.0),
    phase = jsonb_build_object('phase', 'queued', 'message', $3::text)
  WHERE s.id = $1 AND s.runner_id = $2 AND s.state IN ('scheduled', 'pulling', 'assigning') AND s.sealed IS NOT NULL
  RETURNING s.*
), r AS (
  UPDATE runners r SET state = 'ended', ended_at = now(), detail = $3
  FROM s WHERE r.id = $2 AND r.state <> 'ended' RETURNING r.id
), event AS (
  INSERT INTO session_events (session_id, project_id, type, state, body)
  SELECT s.id, s.project_id, 'phase', s.state, jsonb_build_object('phase', s.phase) FROM s LEFT JOIN r ON true
)
SELECT ${SESSION_COLUMNS} FROM s`

function toLive(row: SessionRow): LiveSession {
  return {
    id: row.id,
    project: row.project_id,
    owner: row.owner,
    state: row.state,
    runnerId: row.runner_id,
    attempts: row.attempts,
    endReason: row.end_reason,
    createdAt: row.created_at,
    endingAt: row.ending_at,
    expiresAt: row.expires_at,
    retryAt: row.retry_at,
  }
}

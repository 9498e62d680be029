import { CHANNEL_PREFIX } from './channel.ts'
import type { Database, Queryable } from './database.ts'
import { RUNNER_COLUMNS, type RunnerRecord, type RunnerRow, toRunnerRecord } from './runner-row.ts'

/** Runners of one kind can take each other's place while they are blank. */
export interface RunnerKind {
  /** Name of the driver. */
  readonly driver: string
  /** The driver's name of everything that shapes them. */
  readonly policy: string
}

/** A runner that a driver is about to start. */
export interface NewRunner extends RunnerKind {
  readonly id: string
  /** The session that it is for; null for a spare one. */
  readonly sessionId: string | null
  /** Writes nothing when the lease is no longer held under this epoch. */
  readonly fence?: { readonly lease: string; readonly epoch: number }
}

/** The table `runners`. */
export interface Runners {
  /**
   * Writes the row, state `creating`, before anything is created. For a session, it is `scheduled` in the same
   * statement. Null when the session does not wait any more or the fence is broken: start nothing.
   */
  insert(runner: NewRunner): Promise<RunnerRecord | null>
  /** It is up: `creating` → `claimed` if it has a session, else `blank`. Null when it is in another state. */
  markUp(
    id: string,
    up: { readonly address: string; readonly externalId: string },
  ): Promise<RunnerRecord | null>
  /** Gives a queued session a blank runner of a kind; the session is `scheduled`. Null when either is not there. */
  claimBlankFor(sessionId: string, kind: RunnerKind): Promise<RunnerRecord | null>
  /**
   * The runner has accepted the assignment: erases it from the session and tells waiting gateways. False when the
   * runner does not have that session any more.
   */
  markAssigned(id: string, sessionId: string): Promise<boolean>
  /** `blank` → `ended`, so that no session can claim it. False when it is not blank: leave it. */
  retireBlank(id: string): Promise<boolean>
  /** It is gone, or shall be: → `ended`. False when it was already. */
  end(id: string, detail?: string): Promise<boolean>
  get(id: string): Promise<RunnerRecord | null>
  /** Every runner that has not ended, oldest first. */
  live(): Promise<RunnerRecord[]>
}

/** Queries of the table `runners`. */
export function runnersOf(database: Database): Runners {
  const one = async (
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<RunnerRecord | null> => {
    const [row] = await database.query<RunnerRow>({ name, text, values })
    return row ? toRunnerRecord(row) : null
  }
  const did = async (name: string, text: string, values: readonly unknown[]): Promise<boolean> =>
    (await database.query({ name, text, values })).length > 0
  return {
    insert: ({ id, driver, policy, sessionId, fence }) =>
      one('runners.insert', INSERT, [
        id,
        driver,
        sessionId,
        fence?.lease ?? null,
        fence?.epoch ?? null,
        policy,
      ]),
    markUp: (id, { address, externalId }) => one('runners.markUp', MARK_UP, [id, address, externalId]),
    claimBlankFor: (sessionId, { driver, policy }) =>
      one('runners.claimBlankFor', CLAIM, [sessionId, driver, policy]),
    markAssigned: (id, sessionId) => did('runners.markAssigned', MARK_ASSIGNED, [id, sessionId]),
    retireBlank: (id) => did('runners.retireBlank', RETIRE_BLANK, [id]),
    end: (id, detail) => did('runners.end', END, [id, detail ?? null]),
    get: (id) => one('runners.get', `SELECT ${RUNNER_COLUMNS} FROM runners r WHERE r.id = $1`, [id]),
    live: () => database.byIndex(liveRunners),
  }
}

/** As {@link Runners.live}, in a transaction of the caller's. */
export async function liveRunners(database: Queryable): Promise<RunnerRecord[]> {
  const text = `SELECT ${RUNNER_COLUMNS} FROM runners r WHERE r.state <> 'ended' ORDER BY r.created_at, r.id`
  return (await database.query<RunnerRow>({ name: 'runners.live', text })).map(toRunnerRecord)
}

/** A session that gets a runner: state, attempt and event. Joined by `INSERT` and `CLAIM`. */
const SCHEDULE = `
  UPDATE sessions s SET state = 'scheduled', phase = '{"phase": "scheduled"}', runner_id = chosen.id,
    attempts = s.attempts + 1, retry_at = NULL`

const SCHEDULED_EVENT = `
  INSERT INTO session_events (session_id, project_id, type, state, body)
  SELECT s.id, s.project_id, 'phase', s.state, jsonb_build_object('phase', s.phase) FROM s JOIN r ON true`

const INSERT = `
WITH chosen AS MATERIALIZED (
  SELECT $1::text AS id
  WHERE $4::text IS NULL OR EXISTS (SELECT FROM leases WHERE name = $4 AND epoch = $5 AND holder IS NOT NULL)
), s AS (
  ${SCHEDULE} FROM chosen WHERE s.id = $3 AND s.state = 'queued' RETURNING s.*
), r AS (
  INSERT INTO runners AS r (id, driver, policy, state, session_id)
  SELECT chosen.id, $2, $6, 'creating', $3 FROM chosen WHERE $3::text IS NULL OR EXISTS (SELECT FROM s)
  RETURNING ${RUNNER_COLUMNS}
), event AS (${SCHEDULED_EVENT})
SELECT * FROM r`

/** The session first: two callers for one session wait here, and the second finds it no longer queued. */
const CLAIM = `
WITH waiting AS MATERIALIZED (
  SELECT s.id FROM sessions s WHERE s.id = $1 AND s.state = 'queued' FOR UPDATE
), chosen AS MATERIALIZED (
  SELECT r.id FROM runners r
  WHERE r.state = 'blank' AND r.driver = $2 AND r.policy = $3 AND EXISTS (SELECT FROM waiting)
  ORDER BY r.ready_at LIMIT 1 FOR UPDATE SKIP LOCKED
), s AS (
  ${SCHEDULE} FROM chosen, waiting WHERE s.id = waiting.id RETURNING s.*
), r AS (
  UPDATE runners r SET state = 'claimed', session_id = s.id FROM s WHERE r.id = s.runner_id
  RETURNING ${RUNNER_COLUMNS}
), event AS (${SCHEDULED_EVENT})
SELECT * FROM r`

const MARK_UP = `
UPDATE runners r SET state = CASE WHEN r.session_id IS NULL THEN 'blank' ELSE 'claimed' END,
  address = $2, external_id = $3, ready_at = now()
WHERE r.id = $1 AND r.state = 'creating' RETURNING ${RUNNER_COLUMNS}`

const MARK_ASSIGNED = `
WITH s AS (
  UPDATE sessions s SET sealed = NULL
  WHERE s.id = $2 AND s.runner_id = $1 AND s.state <> 'ended' RETURNING s.id
), r AS (
  UPDATE runners r SET assigned = true FROM s
  WHERE r.id = $1 AND r.session_id = s.id AND r.state = 'claimed' RETURNING r.session_id
)
SELECT pg_notify('${CHANNEL_PREFIX}' || current_schema(), r.session_id) FROM r`

const RETIRE_BLANK = `UPDATE runners SET state = 'ended', ended_at = now() WHERE id = $1 AND state = 'blank' RETURNING id`

const END = `
UPDATE runners SET state = 'ended', ended_at = now(), detail = COALESCE($2, detail)
WHERE id = $1 AND state <> 'ended' RETURNING id`

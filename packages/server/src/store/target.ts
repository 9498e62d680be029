import type { PhaseReport, SessionExit, SessionState } from '@cliscale/sdk/protocol'
import { isPhase } from '@cliscale/sdk/protocol'
import type { Database } from './database.ts'

/** What a gateway knows of a session and its runner. */
export interface SessionTarget {
  readonly id: string
  readonly project: string
  readonly state: SessionState
  readonly phase: PhaseReport | null
  readonly exit: SessionExit | null
  /** Sequence number of the session's latest event: where to go on reading. */
  readonly lastSeq: number
  /** The runner that has the session; dial it only when `assigned`. */
  readonly runner: TargetRunner | null
}

/** A runner as a gateway dials it. */
export interface TargetRunner {
  readonly id: string
  readonly driver: string
  /** `unix:/path` or `tcp:host:port`. */
  readonly address: string | null
  readonly assigned: boolean
}

/**
 * Reads the session whose id is the given expression, and its runner unless that is gone. The inner parts stay apart
 * (`OFFSET 0`), so that each is one look into an index however many ids there are.
 */
export function targetOf(sessionId: string): string {
  return `(
    SELECT s.id, s.project_id, s.state, s.phase, s.exit, s.runner_id AS of_runner,
      (SELECT max(e.seq) FROM session_events e WHERE e.session_id = s.id) AS last_seq
    FROM sessions s WHERE s.id = ${sessionId} OFFSET 0
  ) s LEFT JOIN LATERAL (
    SELECT r.id AS runner_id, r.driver, r.address, r.assigned
    FROM runners r WHERE r.id = s.of_runner AND r.state <> 'ended' OFFSET 0
  ) r ON true`
}

/** Columns of {@link TargetRow}, from {@link targetOf}. */
export const TARGET_COLUMNS = `s.id, s.project_id, s.state, s.phase, s.exit, s.last_seq,
  r.runner_id, r.driver, r.address, r.assigned`

/** A row as `pg` gives it; all null when there is no such session. */
export interface TargetRow {
  readonly id: string | null
  readonly project_id: string
  readonly state: SessionState
  readonly phase: PhaseReport | null
  readonly exit: SessionExit | null
  readonly last_seq: number | null
  readonly runner_id: string | null
  readonly driver: string
  readonly address: string | null
  readonly assigned: boolean
}

/** Maps a row; null when there is no session. */
export function toTarget(row: TargetRow): SessionTarget | null {
  if (row.id === null) return null
  return {
    id: row.id,
    project: row.project_id,
    state: row.state,
    phase: isPhase(row.state) ? row.phase : null,
    exit: row.exit,
    lastSeq: row.last_seq ?? 0,
    runner:
      row.runner_id === null
        ? null
        : { id: row.runner_id, driver: row.driver, address: row.address, assigned: row.assigned },
  }
}

/** Reads a session and its runner. */
export async function findTarget(database: Database, id: string): Promise<SessionTarget | null> {
  const [row] = await database.query<TargetRow>({
    name: 'sessions.target',
    text: `SELECT ${TARGET_COLUMNS} FROM ${targetOf('$1')}`,
    values: [id],
  })
  return row ? toTarget(row) : null
}

/** Life of a runner's row; see the table's comment. */
export type RunnerRowState = 'creating' | 'blank' | 'claimed' | 'lingering' | 'ended'

/** A runner as the database knows it. */
export interface RunnerRecord {
  readonly id: string
  /** Name of the driver that runs it. */
  readonly driver: string
  /** What shaped it before it had a session, as its driver names it. */
  readonly policy: string
  readonly state: RunnerRowState
  /** `unix:/path` or `tcp:host:port`; null until it is up. */
  readonly address: string | null
  /** The driver's own name for it. */
  readonly externalId: string | null
  readonly sessionId: string | null
  /** The runner accepted the session's assignment, so a gateway may dial it. */
  readonly assigned: boolean
  readonly detail: string | null
  readonly createdAt: Date
  readonly readyAt: Date | null
  /** When its command ended. */
  readonly releasedAt: Date | null
  readonly endedAt: Date | null
}

/** Columns of {@link RunnerRow}, for a table or alias `r`. */
export const RUNNER_COLUMNS = `r.id, r.driver, r.policy, r.state, r.address, r.external_id, r.session_id, r.assigned, r.detail,
  r.created_at, r.ready_at, r.released_at, r.ended_at`

/** A row as `pg` gives it. */
export interface RunnerRow {
  readonly id: string
  readonly driver: string
  readonly policy: string
  readonly state: RunnerRowState
  readonly address: string | null
  readonly external_id: string | null
  readonly session_id: string | null
  readonly assigned: boolean
  readonly detail: string | null
  readonly created_at: Date
  readonly ready_at: Date | null
  readonly released_at: Date | null
  readonly ended_at: Date | null
}

/** Maps a row. */
export function toRunnerRecord(row: RunnerRow): RunnerRecord {
  return {
    id: row.id,
    driver: row.driver,
    policy: row.policy,
    state: row.state,
    address: row.address,
    externalId: row.external_id,
    sessionId: row.session_id,
    assigned: row.assigned,
    detail: row.detail,
    createdAt: row.created_at,
    readyAt: row.ready_at,
    releasedAt: row.released_at,
    endedAt: row.ended_at,
  }
}

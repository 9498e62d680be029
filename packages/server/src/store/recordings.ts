import type { RecordingInfo, SessionState } from '@cliscale/sdk/protocol'
import type { Database } from './database.ts'

/** A recording that is not finished, with what is needed to take it from its runner. */
export interface OpenRecording {
  readonly sessionId: string
  readonly sessionState: SessionState
  readonly endedAt: Date | null
  /** The session's runner; null when it never had one or its row is gone. */
  readonly runner: { readonly id: string; readonly address: string | null; readonly assigned: boolean } | null
}

/** How a recording ended. */
export interface FinishedRecording {
  readonly state: Exclude<RecordingInfo['state'], 'recording'>
  /** Null when nothing could be kept. */
  readonly bytes: number | null
  readonly truncated: boolean
}

/** What `sessions` says about recordings. */
export interface Recordings {
  /** Recordings that grow or wait to be stored, oldest first, after the one that is named. */
  open(limit: number, after?: string): Promise<readonly OpenRecording[]>
  /** One of {@link Recordings.open}; null when the session has none. */
  findOpen(sessionId: string): Promise<OpenRecording | null>
  /** False when the recording was deleted or finished before: nothing changed. */
  finish(sessionId: string, how: FinishedRecording): Promise<boolean>
  /** The session is not recorded any more. False when it was not. */
  forget(sessionId: string): Promise<boolean>
  /** Recordings that were finished so long ago. */
  overdue(keepMs: number, limit: number): Promise<readonly string[]>
  /** Those of these sessions, and the sessions of these runners, whose recording is open. */
  stillOpen(ids: {
    readonly sessions: readonly string[]
    readonly runners: readonly string[]
  }): Promise<ReadonlySet<string>>
}

interface OpenRow {
  readonly id: string
  readonly state: SessionState
  readonly ended_at: Date | null
  readonly runner_id: string | null
  readonly address: string | null
  readonly assigned: boolean | null
}

const OPEN = `SELECT s.id, s.state, s.ended_at, r.id AS runner_id, r.address, r.assigned
FROM sessions s LEFT JOIN runners r ON r.id = s.runner_id WHERE s.recording_state = 'recording'`

/** Queries of recordings. */
export function recordingsOf(database: Database): Recordings {
  const changed = async (text: string, values: readonly unknown[]): Promise<boolean> =>
    (await database.query({ text: `${text} RETURNING 1`, values })).length > 0
  return {
    open: async (limit, after = '') =>
      (
        await database.query<OpenRow>({
          name: 'recordings.open',
          text: `${OPEN} AND s.id > $2 ORDER BY s.id LIMIT $1`,
          values: [limit, after],
        })
      ).map(toOpen),
    findOpen: async (sessionId) => {
      const [row] = await database.query<OpenRow>({ text: `${OPEN} AND s.id = $1`, values: [sessionId] })
      return row === undefined ? null : toOpen(row)
    },
    finish: (sessionId, { state, bytes, truncated }) =>
      changed(
        `UPDATE sessions SET recording_state = $2, recording_bytes = $3, recording_truncated = $4,
           recording_finished_at = now() WHERE id = $1 AND recording_state = 'recording'`,
        [sessionId, state, bytes, truncated],
      ),
    forget: (sessionId) =>
      changed(
        `UPDATE sessions SET recording_mode = NULL, recording_state = NULL, recording_bytes = NULL,
           recording_truncated = false, recording_finished_at = NULL WHERE id = $1 AND recording_mode IS NOT NULL`,
        [sessionId],
      ),
    overdue: async (keepMs, limit) => {
      const rows = await database.query<{ id: string }>({
        name: 'recordings.overdue',
        text: `SELECT id FROM sessions WHERE recording_finished_at < now() - make_interval(secs => $1 / 1000.0)
          ORDER BY recording_finished_at LIMIT $2`,
        values: [keepMs, limit],
      })
      return rows.map(({ id }) => id)
    },
    stillOpen: async ({ sessions, runners }) => {
      const rows = await database.query<{ id: string; runner_id: string | null }>({
        text: `SELECT id, runner_id FROM sessions
          WHERE recording_state = 'recording' AND (id = ANY ($1) OR runner_id = ANY ($2))`,
        values: [sessions, runners],
      })
      return new Set(rows.flatMap(({ id, runner_id }) => (runner_id === null ? [id] : [id, runner_id])))
    },
  }
}

function toOpen(row: OpenRow): OpenRecording {
  const { runner_id: id, address, assigned } = row
  return {
    sessionId: row.id,
    sessionState: row.state,
    endedAt: row.ended_at,
    runner: id === null ? null : { id, address, assigned: assigned === true },
  }
}

import type {
  EndReason,
  Isolation,
  PhaseReport,
  RecordingInfo,
  SessionExit,
  SessionInfo,
  SessionLimits,
  SessionState,
} from '@cliscale/sdk/protocol'
import { isPhase } from '@cliscale/sdk/protocol'

/** A session with what only the server needs. */
export interface SessionRecord {
  /** As the API shows it. */
  readonly info: SessionInfo
  /** The runner that has it or had it last. */
  readonly runnerId: string | null
  /** Runners tried so far. */
  readonly attempts: number
  /** While queued: no other runner before this time. */
  readonly retryAt: Date | null
}

/** Columns of {@link SessionRow}, for a table or alias `s`. */
export const SESSION_COLUMNS = `s.id, s.project_id, s.owner, s.template, s.state, s.phase, s.command, s.args, s.metadata,
  s.columns, s.rows, s.isolation, s.limits, s.lifetime_seconds, s.idle_timeout_seconds, s.runner_id, s.attempts, s.retry_at,
  s.created_at, s.started_at, s.ending_at, s.ended_at, s.expires_at, s.end_reason, s.exit, s.recording_mode, s.recording_state,
  s.recording_bytes, s.recording_truncated`

/** A row as `pg` gives it. */
export interface SessionRow {
  readonly id: string
  readonly project_id: string
  readonly owner: string
  readonly template: string
  readonly state: SessionState
  readonly phase: PhaseReport | null
  readonly command: string
  readonly args: string[]
  readonly metadata: Record<string, string>
  readonly columns: number
  readonly rows: number
  readonly isolation: Isolation
  readonly limits: SessionLimits | null
  readonly lifetime_seconds: number
  readonly idle_timeout_seconds: number
  readonly runner_id: string | null
  readonly attempts: number
  readonly retry_at: Date | null
  readonly created_at: Date
  readonly started_at: Date | null
  readonly ending_at: Date | null
  readonly ended_at: Date | null
  readonly expires_at: Date
  readonly end_reason: EndReason | null
  readonly exit: SessionExit | null
  readonly recording_mode: RecordingInfo['mode'] | null
  readonly recording_state: RecordingInfo['state'] | null
  readonly recording_bytes: number | null
  readonly recording_truncated: boolean
}

/** Maps a row to the contract's words. */
export function toSessionRecord(row: SessionRow): SessionRecord {
  return {
    info: toSessionInfo(row),
    runnerId: row.runner_id,
    attempts: row.attempts,
    retryAt: row.retry_at,
  }
}

function toSessionInfo(row: SessionRow): SessionInfo {
  return {
    id: row.id,
    state: row.state,
    phase: isPhase(row.state) ? row.phase : null,
    template: row.template,
    command: row.command,
    args: row.args,
    owner: row.owner,
    project: row.project_id,
    metadata: row.metadata,
    columns: row.columns,
    rows: row.rows,
    isolation: row.isolation,
    limits: row.limits,
    lifetimeSeconds: row.lifetime_seconds,
    idleTimeoutSeconds: row.idle_timeout_seconds,
    createdAt: row.created_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
    expiresAt: row.expires_at.toISOString(),
    endReason: row.end_reason,
    exit: row.exit,
    failure: row.exit?.failure ?? null,
    recording: toRecordingInfo(row),
  }
}

function toRecordingInfo(row: SessionRow): RecordingInfo | null {
  const { recording_mode: mode, recording_state: state } = row
  if (mode === null || state === null) return null
  return { mode, state, bytes: row.recording_bytes, truncated: row.recording_truncated }
}

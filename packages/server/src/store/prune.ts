import type { Database } from './database.ts'

/** How long what is over is kept. */
export interface Retention {
  /** Expired tokens, so that a late client is told `TOKEN_EXPIRED`. Default 600,000. */
  readonly tokensMs?: number
  /** Ended sessions with their events and runners; a recorded one stays as long as its recording. Default 604,800,000 (a week). */
  readonly sessionsMs?: number
  /** Events, also of live sessions, except each one's latest. Default 604,800,000. */
  readonly eventsMs?: number
  /** Ended runners. Default 86,400,000 (a day). */
  readonly runnersMs?: number
  /** Most rows of one statement. Default 500. */
  readonly batch?: number
}

/** Rows that one call deleted, by table. */
export type Pruned = Readonly<Record<'tokens' | 'loginCodes' | 'events' | 'runners' | 'sessions', number>>

const DAY_MS = 86_400_000

/** $1 milliseconds, $2 rows. Rows that somebody holds wait for the next call. */
const STATEMENTS: Readonly<Record<keyof Pruned, string>> = {
  tokens: `DELETE FROM session_tokens WHERE jti IN (
    SELECT jti FROM session_tokens WHERE expires_at < now() - make_interval(secs => $1 / 1000.0)
    LIMIT $2 FOR UPDATE SKIP LOCKED)`,
  loginCodes: `DELETE FROM login_codes WHERE hash IN (
    SELECT hash FROM login_codes WHERE expires_at < now() - make_interval(secs => $1 / 1000.0)
    LIMIT $2 FOR UPDATE SKIP LOCKED)`,
  events: `DELETE FROM session_events WHERE seq IN (
    SELECT e.seq FROM session_events e WHERE e.at < now() - make_interval(secs => $1 / 1000.0)
    AND EXISTS (SELECT FROM session_events later WHERE later.session_id = e.session_id AND later.seq > e.seq)
    ORDER BY e.at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
  runners: `DELETE FROM runners WHERE id IN (
    SELECT id FROM runners WHERE state = 'ended' AND ended_at < now() - make_interval(secs => $1 / 1000.0)
    ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
  sessions: `DELETE FROM sessions WHERE id IN (
    SELECT s.id FROM sessions s WHERE s.state = 'ended' AND s.ended_at < now() - make_interval(secs => $1 / 1000.0)
    AND s.recording_mode IS NULL
    AND NOT EXISTS (SELECT FROM runners r WHERE r.session_id = s.id AND r.state <> 'ended')
    ORDER BY s.ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
}

/** Deletes at most one batch of each kind. Call again while a full batch was deleted. */
export async function prune(database: Database, retention: Retention = {}): Promise<Pruned> {
  const batch = retention.batch ?? 500
  const count = async (table: keyof Pruned, ms: number): Promise<number> => {
    const rows = await database.byIndex((transaction) =>
      transaction.query<{ count: number }>({
        name: `prune.${table}`,
        text: `WITH gone AS (${STATEMENTS[table]} RETURNING 1) SELECT count(*) FROM gone`,
        values: [ms, batch],
      }),
    )
    return rows[0]?.count ?? 0
  }
  return {
    tokens: await count('tokens', retention.tokensMs ?? 600_000),
    loginCodes: await count('loginCodes', 0),
    events: await count('events', retention.eventsMs ?? 7 * DAY_MS),
    runners: await count('runners', retention.runnersMs ?? DAY_MS),
    sessions: await count('sessions', retention.sessionsMs ?? 7 * DAY_MS),
  }
}

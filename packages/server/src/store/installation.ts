import type { Database } from './database.ts'

/** What a process must have to reach an installation's runners. */
export interface RunnerAccess {
  /** Digest of the runner key; says nothing of the key. */
  readonly key: string
  /** Content of a file in the folder of runners' sockets; null where runners are not on the controller's machine. */
  readonly mark: string | null
}

/** The table `installation`. */
export interface Installation {
  /** What the controller told; null when none has started yet. */
  runnerAccess(): Promise<RunnerAccess | null>
  /**
   * Tells it. Null when that was done; else what another controller told that is at work now, with the lease named: nothing was
   * changed.
   */
  tellRunnerAccess(access: RunnerAccess, lease: string): Promise<RunnerAccess | null>
}

const READ = `SELECT value FROM installation WHERE name = 'runners'`

const TELL = `
INSERT INTO installation AS i (name, value) VALUES ('runners', $1::jsonb)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
WHERE i.value = excluded.value OR NOT EXISTS (
  SELECT FROM leases l WHERE l.name = $2 AND l.holder IS NOT NULL AND l.expires_at > clock_timestamp()
)
RETURNING value`

/** Queries of the table `installation`. */
export function installationOf(database: Database): Installation {
  const read = async (): Promise<RunnerAccess | null> => {
    const [row] = await database.query<{ value: RunnerAccess }>({ text: READ })
    return row?.value ?? null
  }
  return {
    runnerAccess: read,
    tellRunnerAccess: async (access, lease) => {
      const rows = await database.query({ text: TELL, values: [JSON.stringify(access), lease] })
      return rows.length > 0 ? null : read()
    },
  }
}

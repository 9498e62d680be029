import type { Database } from './database.ts'

/** Lease of the controller that is at work. */
export const RECONCILER_LEASE = 'reconciler'

/** A lease that is held. */
export interface Lease {
  readonly name: string
  readonly holder: string
  /** Grows with every acquisition; a write that names an older one is refused. */
  readonly epoch: number
}

/** The table `leases`: who alone may do something, until when. Times are the database's. */
export interface Leases {
  /** Null while another holder's time is not over. */
  acquire(name: string, holder: string, ttlMs: number): Promise<Lease | null>
  /** False when the lease was lost: stop at once. */
  renew(lease: Lease, ttlMs: number): Promise<boolean>
  /** Gives it up, so that another need not wait. Does nothing when it was lost. */
  release(lease: Lease): Promise<void>
}

const ACQUIRE = `
INSERT INTO leases AS l (name, holder, epoch, expires_at)
VALUES ($1, $2, 1, clock_timestamp() + make_interval(secs => $3 / 1000.0))
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, epoch = l.epoch + 1, expires_at = excluded.expires_at
WHERE l.holder IS NULL OR l.expires_at <= clock_timestamp()
RETURNING epoch`

const RENEW = `
UPDATE leases SET expires_at = clock_timestamp() + make_interval(secs => $4 / 1000.0)
WHERE name = $1 AND holder = $2 AND epoch = $3 RETURNING epoch`

/** The row stays, so that epochs never repeat. */
const RELEASE = 'UPDATE leases SET holder = NULL WHERE name = $1 AND holder = $2 AND epoch = $3'

/** Queries of the table `leases`. */
export function leasesOf(database: Database): Leases {
  return {
    acquire: async (name, holder, ttlMs) => {
      const values = [name, holder, ttlMs]
      const [row] = await database.query<{ epoch: number }>({ name: 'leases.acquire', text: ACQUIRE, values })
      return row ? { name, holder, epoch: row.epoch } : null
    },
    renew: async ({ name, holder, epoch }, ttlMs) => {
      const values = [name, holder, epoch, ttlMs]
      return (await database.query({ name: 'leases.renew', text: RENEW, values })).length > 0
    },
    release: async ({ name, holder, epoch }) => {
      await database.query({ text: RELEASE, values: [name, holder, epoch] })
    },
  }
}

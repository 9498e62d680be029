import { asBuffer } from './create-session.ts'
import type { Database } from './database.ts'

/** The table `login_codes`: one-time codes of printed console links. */
export interface LoginCodes {
  create(code: {
    readonly hash: Uint8Array
    readonly project: string
    readonly expiresAt: Date
  }): Promise<void>
  /** The code's project, once; null when it is unknown, used or over its time. */
  redeem(hash: Uint8Array): Promise<string | null>
}

/** Queries of the table `login_codes`. */
export function loginCodesOf(database: Database): LoginCodes {
  return {
    create: async ({ hash, project, expiresAt }) => {
      await database.query({
        text: 'INSERT INTO login_codes (hash, project_id, expires_at) VALUES ($1, $2, $3)',
        values: [asBuffer(hash), project, expiresAt],
      })
    },
    redeem: async (hash) => {
      const [row] = await database.query<{ project_id: string }>({
        text: 'DELETE FROM login_codes WHERE hash = $1 AND expires_at > now() RETURNING project_id',
        values: [asBuffer(hash)],
      })
      return row?.project_id ?? null
    },
  }
}

import type { Role } from '@cliscale/sdk/protocol'
import type { NewToken } from './create-session.ts'
import type { Database } from './database.ts'
import { type SessionTarget, TARGET_COLUMNS, targetOf, type TargetRow, toTarget } from './target.ts'

/** What became of one attempt to redeem. */
export type Redeemed =
  /** The one winner. `target` is null when the session was pruned. */
  | {
      readonly outcome: 'redeemed'
      readonly sessionId: string
      readonly role: Role
      readonly target: SessionTarget | null
      /** The API key or sign-in that it was minted through. */
      readonly accessId: string | null
    }
  /** The key or sign-in that it was minted through is revoked or over its time. */
  | { readonly outcome: 'accessOver' }
  /** It was never redeemed and its time is over. */
  | { readonly outcome: 'expired' }
  /** It was redeemed before, is being redeemed, was never minted, or was lost with a crashed database. */
  | { readonly outcome: 'used' }

/** The table `session_tokens`: the allow-list. */
export interface Tokens {
  /** Puts a token of an existing session on the list. */
  mint(sessionId: string, token: NewToken): Promise<void>
  /**
   * Uses a token up: of any number of calls over any number of processes exactly one is `redeemed`. A call by itself is
   * sent at once; in a storm the calls of some milliseconds share one statement.
   */
  redeem(jti: string): Promise<Redeemed>
}

/** Most tokens of one statement. */
const MAX_BATCH = 256

/**
 * Most statements under way at once. Few, so that under load many tokens share one; more than one, so that a
 * connection that hangs does not hold up everybody.
 */
const MAX_UNDER_WAY = 2

/**
 * Statements begin at least so long after each other, so that a storm of clients costs the database and this process a
 * few hundred statements a second instead of thousands. Each costs as much as ten rows more in one.
 */
const GATHER_MS = 4

/** Where each session is, beside what the function `redeem_tokens` says of its token: one statement for all of it. */
const REDEEM = `
SELECT t.jti, t.session_id, t.role, t.expired, t.access_id, t.access_over, target.*
FROM redeem_tokens($1) t
LEFT JOIN LATERAL (SELECT ${TARGET_COLUMNS} FROM ${targetOf('t.session_id')}) target ON true`

interface RedeemRow extends TargetRow {
  readonly jti: string
  readonly session_id: string | null
  readonly role: Role
  /** Null when there is no such token. */
  readonly expired: boolean | null
  readonly access_id: string | null
  readonly access_over: boolean
}

interface Waiting {
  readonly resolve: (result: Redeemed) => void
  readonly reject: (error: unknown) => void
}

/** Queries of the table `session_tokens`. */
export function tokensOf(database: Database): Tokens {
  return new TokenTable(database)
}

class TokenTable implements Tokens {
  readonly #database: Database
  #batch = new Map<string, Waiting>()
  #scheduled = false
  #underWay = 0
  #flushedAt = Number.NEGATIVE_INFINITY

  constructor(database: Database) {
    this.#database = database
  }

  async mint(sessionId: string, token: NewToken): Promise<void> {
    await this.#database.query({
      name: 'tokens.mint',
      text: 'INSERT INTO session_tokens (jti, session_id, role, expires_at, access_id) VALUES ($1, $2, $3, $4, $5)',
      values: [token.jti, sessionId, token.role, token.expiresAt, token.accessId],
    })
  }

  redeem(jti: string): Promise<Redeemed> {
    if (this.#batch.has(jti)) return Promise.resolve({ outcome: 'used' })
    return new Promise((resolve, reject) => {
      this.#batch.set(jti, { resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#underWay >= MAX_UNDER_WAY || this.#batch.size === 0) return
    this.#scheduled = true
    const flush = (): void => {
      this.#scheduled = false
      void this.#flush()
    }
    const sinceLastMs = performance.now() - this.#flushedAt
    if (sinceLastMs >= GATHER_MS) setImmediate(flush)
    else setTimeout(flush, GATHER_MS - sinceLastMs)
  }

  async #flush(): Promise<void> {
    const waiting = [...this.#batch]
    this.#batch = new Map(waiting.slice(MAX_BATCH))
    this.#underWay += 1
    this.#flushedAt = performance.now()
    this.#schedule()
    await this.#redeemAll(new Map(waiting.slice(0, MAX_BATCH)))
    this.#underWay -= 1
    this.#schedule()
  }

  async #redeemAll(batch: ReadonlyMap<string, Waiting>): Promise<void> {
    try {
      const rows = await this.#database.query<RedeemRow>({
        name: 'tokens.redeem',
        text: REDEEM,
        values: [[...batch.keys()]],
      })
      for (const row of rows) batch.get(row.jti)?.resolve(toRedeemed(row))
    } catch (error) {
      for (const waiting of batch.values()) waiting.reject(error)
    }
  }
}

function toRedeemed(row: RedeemRow): Redeemed {
  const { session_id: sessionId, role, access_id: accessId } = row
  if (sessionId !== null) {
    if (row.access_over) return { outcome: 'accessOver' }
    return { outcome: 'redeemed', sessionId, role, target: toTarget(row), accessId }
  }
  return { outcome: row.expired ? 'expired' : 'used' }
}

import type { ClientBase, Pool, PoolClient } from 'pg'
import { DEFAULT_SCHEMA } from '../config/db-schema.ts'
import type { Log } from '../observability/log.ts'
import { newPool } from './connection.ts'
import { isUnavailable, toDatabaseError, toStatementError } from './database-error.ts'
import { assertStorable } from './storable.ts'

/** One statement. With a `name` the server prepares it once per connection. */
export interface Statement {
  /** Unique for its text. Give one to statements that run often. */
  readonly name?: string
  readonly text: string
  readonly values?: readonly unknown[]
}

/** What runs statements: the pool, or one transaction. */
export interface Queryable {
  /**
   * Runs one statement and resolves with its rows.
   * @throws {CodedError} `DATABASE_UNAVAILABLE` when the database cannot be reached or does not answer in time
   */
  query<Row extends object>(statement: Statement): Promise<Row[]>
}

/** Connections of the pool: how many there are, how many are idle, how many callers wait for one. */
export interface PoolState {
  readonly total: number
  readonly idle: number
  readonly waiting: number
}

/** The one pool of a process. */
export interface Database extends Queryable {
  /** What it was opened with; for connections of one's own (LISTEN, migrations). Holds the password. */
  readonly connectionString: string
  /** Runs `work` in one transaction: commits when it resolves, rolls back when it rejects. */
  transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>
  /** As `transaction`, for statements that look for few rows in tables that may have many. */
  byIndex<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>
  /** As `byIndex`, for `work` that only reads; all its statements see the same moment. */
  snapshot<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>
  /** Null when the database answers, else one sentence. Fits the health registry. */
  check(): Promise<string | null>
  readonly pool: PoolState
  /** Waits for running statements, then closes all connections. Safe to call twice. */
  close(): Promise<void>
}

/** Settings of {@link openDatabase}. */
export interface DatabaseOptions {
  /** `postgresql://…`; a Unix socket as `postgresql://user:password@/name?host=/folder`. */
  readonly connectionString: string
  /** Where the tables are. Default {@link DEFAULT_SCHEMA}. */
  readonly schema?: string
  /** Most connections. Default 10. */
  readonly maxConnections?: number
  /** An idle connection is closed after this time. Default 30,000. */
  readonly idleTimeoutMs?: number
  /** Longest wait for a free or new connection. Default 5,000. */
  readonly acquireTimeoutMs?: number
  /** Longest run of one statement. Default 15,000. */
  readonly statementTimeoutMs?: number
  /** Shown in `pg_stat_activity`. Default `cliscale-server <pid> of <schema>`. */
  readonly applicationName?: string
  readonly log?: Log
  /** Told how long each caller waited for a connection, in seconds, also when it got none. */
  readonly onWaited?: (seconds: number) => void
}

/** Opens the pool. Connects on first use, so it works while the database is still away. */
export function openDatabase(options: DatabaseOptions): Database {
  return new PooledDatabase(options)
}

/**
 * For statements that look for few rows in tables that may have many. A plan that was made while a table was small must
 * still be right when it has grown, so it may not read tables as a whole. Compiling it would take longer than running it.
 */
const BY_INDEX = 'SET LOCAL enable_seqscan = off; SET LOCAL jit = off'

class PooledDatabase implements Database {
  readonly connectionString: string
  readonly #pool: Pool
  readonly #onWaited: (seconds: number) => void
  #closed: Promise<void> | undefined

  constructor(options: DatabaseOptions) {
    const statementTimeoutMs = options.statementTimeoutMs ?? 15_000
    const { connectionString, schema = DEFAULT_SCHEMA } = options
    this.connectionString = connectionString
    this.#onWaited = options.onWaited ?? (() => undefined)
    const applicationName = options.applicationName ?? `cliscale-server ${process.pid} of ${schema}`
    this.#pool = newPool(
      { connectionString, schema, applicationName },
      {
        max: options.maxConnections ?? 10,
        idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
        connectionTimeoutMillis: options.acquireTimeoutMs ?? 5_000,
        statement_timeout: statementTimeoutMs,
        // A connection whose other end is gone without a word must not hold its caller for ever.
        query_timeout: statementTimeoutMs + 2_000,
      },
    )
    // The pool drops the connection by itself; without a handler the error would end the process.
    this.#pool.on('error', (error) => {
      options.log?.warn({ err: error }, 'an idle database connection was lost')
    })
  }

  get pool(): PoolState {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount }
  }

  async query<Row extends object>(statement: Statement): Promise<Row[]> {
    return this.#withClient((client) => run<Row>(client, statement))
  }

  async transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T> {
    return this.#within('BEGIN', work)
  }

  async byIndex<T>(work: (transaction: Queryable) => Promise<T>): Promise<T> {
    return this.#within(`BEGIN; ${BY_INDEX}`, work)
  }

  async snapshot<T>(work: (transaction: Queryable) => Promise<T>): Promise<T> {
    return this.#within(`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${BY_INDEX}`, work)
  }

  async check(): Promise<string | null> {
    try {
      await this.query({ name: 'check', text: 'SELECT 1' })
      return null
    } catch (error) {
      return error instanceof Error ? error.message : 'The database does not answer.'
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#pool.end()
    return this.#closed
  }

  async #within<T>(begin: string, work: (transaction: Queryable) => Promise<T>): Promise<T> {
    return this.#withClient(async (client) => {
      // Without values: several statements in one message.
      await client.query(begin)
      try {
        const result = await work({ query: (statement) => run(client, statement) })
        await run(client, { text: 'COMMIT' })
        return result
      } catch (error) {
        // A lost connection is rolled back by the server and dropped by the pool.
        if (!isUnavailable(error)) await run(client, { text: 'ROLLBACK' })
        throw error
      }
    })
  }

  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    let client: PoolClient
    const askedAt = performance.now()
    try {
      client = await this.#pool.connect()
    } catch (error) {
      throw toDatabaseError(error)
    } finally {
      this.#onWaited((performance.now() - askedAt) / 1_000)
    }
    let broken = false
    // A connection that is lost between two statements of a transaction tells so only here.
    const onError = (): void => {
      broken = true
    }
    client.on('error', onError)
    try {
      return await work(client)
    } catch (error) {
      broken ||= isUnavailable(error)
      throw toStatementError(error)
    } finally {
      client.off('error', onError)
      client.release(broken)
    }
  }
}

async function run<Row extends object>(client: ClientBase, statement: Statement): Promise<Row[]> {
  for (const value of statement.values ?? []) assertStorable(value)
  const { rows } = await client.query<Row>({
    text: statement.text,
    values: statement.values === undefined ? [] : [...statement.values],
    ...(statement.name === undefined ? {} : { name: statement.name }),
  })
  return rows
}

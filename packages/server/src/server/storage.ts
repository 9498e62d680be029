import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import { hasAccount } from '../config/environment.ts'
import { readUidRange } from '../config/uid-range.ts'
import { CodedError } from '../http/coded-error.ts'
import type { Health } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import { type Database, openDatabase } from '../store/database.ts'
import { EmbeddedPostgresError } from '../store/embedded/embedded-error.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../store/embedded/embedded-postgres.ts'
import { type EventHints, listenForEvents } from '../store/listen.ts'
import { migrate } from '../store/migrate.ts'
import { checkSchema } from '../store/schema.ts'
import { SchemaError } from '../store/schema-error.ts'
import { createStore, type Store } from '../store/store.ts'
import { StartError } from './data-folder.ts'

/** A start does not wait longer for the connection that listens: it comes when the database does. */
const LISTEN_WITHIN_MS = 2_000

/** The project that everything belongs to until there are more. */
export const DEFAULT_PROJECT = 'default'

/** The database and what reads it. */
export interface Storage extends AsyncDisposable {
  readonly connectionString: string
  readonly database: Database
  readonly store: Store
  readonly hints: EventHints
}

/** What {@link openStorage} needs. */
export interface StorageOptions {
  readonly config: Config
  readonly log: Log
  readonly health: Health
  readonly signal?: AbortSignal
  /** Connections to an embedded database that other processes make. Default 0. */
  readonly moreConnections?: number
  /** Told how long each caller waited for a connection, in seconds. */
  readonly onWaited?: (seconds: number) => void
}

/** Connections that the embedded database allows beside this process's pool: for what listens, for commands, spare. */
const CONNECTIONS_BESIDE_POOL = 50

/**
 * Opens the configured database, or starts the embedded one, and brings it up to date; a gateway leaves that to its
 * controller.
 *
 * @throws {StartError} with a sentence for the operator
 * @throws {KeyFileError} when the file of the embedded database's password cannot be used
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { config, log, health } = options
  await using stack = new AsyncDisposableStack()
  const embedded = await startEmbedded(options)
  if (embedded !== null) {
    stack.defer(() => embedded.stop())
    health.register('postgres', 'ready', () => embedded.check())
  }
  const connectionString = embedded?.connectionString ?? config.databaseUrl ?? ''
  const { dbSchema: schema } = config
  const place = { connectionString, schema }
  if (config.mode === 'gateway') await awaitSchema(place, options)
  else await bringUpToDate(place, log)
  const database = openDatabase({
    ...place,
    maxConnections: config.dbMaxConnections,
    idleTimeoutMs: config.dbIdleTimeoutMillis,
    acquireTimeoutMs: config.dbAcquireTimeoutMillis,
    log,
    ...(options.onWaited === undefined ? {} : { onWaited: options.onWaited }),
  })
  stack.defer(() => database.close())
  health.register('database', 'ready', () => database.check())
  const store = createStore(database)
  if (config.mode !== 'gateway') await store.projects.ensure(DEFAULT_PROJECT, 'Default')
  const hints = listenForEvents({ ...place, log })
  stack.defer(() => hints.close())
  health.register('events', 'ready', () => hints.check())
  // Without it a server that just said that it is ready would answer a probe that it is not.
  await Promise.race([hints.ready, pause(LISTEN_WITHIN_MS, undefined, { ref: false })])
  const all = stack.move()
  return { connectionString, database, store, hints, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

const NAMELESS =
  '\nPostgreSQL does not run under a user id that has no name; add one to /etc/passwd, or name another database with DATABASE_URL.'

async function startEmbedded(options: StorageOptions): Promise<EmbeddedPostgres | null> {
  const { config, log, moreConnections = 0, signal } = options
  if (config.databaseUrl !== null) return null
  const uids = readUidRange(config.databaseUids)
  const connections = config.dbMaxConnections + moreConnections + CONNECTIONS_BESIDE_POOL
  try {
    return await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log,
      settings: { max_connections: String(connections) },
      ...(uids === null ? {} : { uids }),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (!(error instanceof EmbeddedPostgresError)) throw error
    const nameless = hasAccount() ? '' : NAMELESS
    throw new StartError(`${error.message}${nameless}`, { cause: error })
  }
}

/** A schema of a database. */
interface Place {
  readonly connectionString: string
  readonly schema: string
}

/** @throws {StartError} */
async function bringUpToDate({ connectionString, schema }: Place, log: Log): Promise<void> {
  try {
    const applied = await migrate(connectionString, { schema, log })
    if (applied.length > 0) log.info({ applied }, 'Brought the database up to date')
  } catch (error) {
    if (error instanceof SchemaError) throw new StartError(error.message, { cause: error })
    const cause = error instanceof CodedError ? error.cause : error
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause)
    throw new StartError(`The database cannot be brought up to date (${reason}); check DATABASE_URL.`, {
      cause: error,
    })
  }
}

/**
 * Refuses a database that can never serve this release. One that is away, or that a controller has not brought up to date,
 * only keeps the gateway from being ready.
 *
 * @throws {StartError}
 */
async function awaitSchema(
  { connectionString, schema }: Place,
  { health, log }: StorageOptions,
): Promise<void> {
  let ready = false
  const look = async (): Promise<string | null> => {
    if (ready) return null
    const problem = await checkSchema(connectionString, { schema })
    ready = problem === null
    return problem
  }
  health.register('schema', 'ready', () =>
    look().catch((error: unknown) => (error instanceof Error ? error.message : String(error))),
  )
  try {
    const problem = await look()
    if (problem !== null) log.warn(problem)
  } catch (error) {
    if (error instanceof SchemaError) throw new StartError(error.message, { cause: error })
    log.warn({ err: error }, 'The database cannot be looked at yet')
  }
}

import { runner } from 'node-pg-migrate'
import { DEFAULT_SCHEMA } from '../config/db-schema.ts'
import type { Log } from '../observability/log.ts'
import { newClient } from './connection.ts'
import { toDatabaseError } from './database-error.ts'
import { MIGRATION_FILE, migrationsFolder, MIGRATIONS_TABLE } from './migration-files.ts'
import { prepareSchema } from './schema.ts'

/** Settings of {@link migrate}. */
export interface MigrateOptions {
  /** Where the tables are. Default {@link DEFAULT_SCHEMA}. */
  readonly schema?: string
  readonly log?: Log
  /** Oldest PostgreSQL, as in `server_version_num`. Default: what the statements are written for. */
  readonly oldestVersion?: number
}

/**
 * Brings the schema up to date: makes it, or moves tables of an older release there, and applies every missing migration
 * in order, each in its own transaction. Servers that start at once wait for each other. Resolves with the names of the
 * migrations that this call applied.
 * @throws {CodedError} `DATABASE_UNAVAILABLE`
 * @throws {SchemaError} when the database cannot be used as it is
 */
export async function migrate(
  connectionString: string,
  { schema = DEFAULT_SCHEMA, log, ...oldest }: MigrateOptions = {},
): Promise<string[]> {
  const applicationName = `cliscale-migrate ${process.pid} of ${schema}`
  const client = newClient({ connectionString, schema, applicationName })
  client.on('error', (error) => log?.warn({ err: error }, 'the connection of the migrations was lost'))
  try {
    await client.connect()
    if (!(await prepareSchema(client, { schema, log, ...oldest }))) return []
    const applied = await runner({
      dbClient: client,
      dir: migrationsFolder(),
      ignorePattern: `(?!${MIGRATION_FILE}$).*`,
      migrationsSchema: schema,
      migrationsTable: MIGRATIONS_TABLE,
      direction: 'up',
      singleTransaction: false,
      // Its own lock is one for everybody's migrations in the database; ours is held since the schema was looked at.
      noLock: true,
      logger: loggerFor(log),
    })
    return applied.map(({ name }) => name)
  } catch (error) {
    throw toDatabaseError(error)
  } finally {
    await client
      .end()
      .catch((error: unknown) => log?.debug({ err: error }, 'closing after the migrations failed'))
  }
}

function loggerFor(log: Log | undefined): Record<'info' | 'warn' | 'error', (message: string) => void> {
  return {
    info: (message) => log?.debug(message),
    warn: (message) => log?.warn(message),
    error: (message) => log?.error(message),
  }
}

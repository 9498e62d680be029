import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import type { Log } from '../observability/log.ts'
import { newClient } from './connection.ts'
import { toDatabaseError } from './database-error.ts'

/** Files that are migrations; the schema's dump lies beside them. */
const MIGRATION_FILE = String.raw`\d{4}_[a-z0-9_]+\.sql`

/**
 * Brings the schema up to date: every missing migration in order, each in its own transaction. Servers that start at
 * once wait for each other. Resolves with the names that this call applied.
 * @throws {CodedError} `DATABASE_UNAVAILABLE`
 */
export async function migrate(connectionString: string, log?: Log): Promise<string[]> {
  const client = newClient({ connectionString, applicationName: `cliscale-migrate ${process.pid}` })
  client.on('error', (error) => log?.warn({ err: error }, 'the connection of the migrations was lost'))
  try {
    await client.connect()
    const applied = await runner({
      dbClient: client,
      dir: migrationsFolder(),
      ignorePattern: `(?!${MIGRATION_FILE}$).*`,
      migrationsTable: 'schema_migrations',
      direction: 'up',
      singleTransaction: false,
      advisoryLockMode: 'wait',
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

/** The folder with the SQL files: above `src/store` in the repository, above `dist` in the package. */
export function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'migrations', '0001_sessions.sql'))) {
    const parent = dirname(folder)
    if (parent === folder)
      throw new Error('The folder "migrations" is missing from @cliscale/server; install it again.')
    folder = parent
  }
  return join(folder, 'migrations')
}

function loggerFor(log: Log | undefined): Record<'info' | 'warn' | 'error', (message: string) => void> {
  return {
    info: (message) => log?.debug(message),
    warn: (message) => log?.warn(message),
    error: (message) => log?.error(message),
  }
}

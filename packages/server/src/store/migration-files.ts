import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Files that are migrations; the schema's dump lies beside them. */
export const MIGRATION_FILE = String.raw`\d{4}_[a-z0-9_]+\.sql`

/** Table that says which were applied. */
export const MIGRATIONS_TABLE = 'schema_migrations'

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

/** Names of all migrations of this release, in their order. */
export function migrationNames(): readonly string[] {
  const file = new RegExp(`^${MIGRATION_FILE}$`)
  return readdirSync(migrationsFolder())
    .filter((name) => file.test(name))
    .map((name) => name.slice(0, -'.sql'.length))
    .toSorted()
}

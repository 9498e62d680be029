import type { ClientBase } from 'pg'
import type { Log } from '../observability/log.ts'
import { newClient } from './connection.ts'
import { toDatabaseError } from './database-error.ts'
import { moveOldTables } from './old-tables.ts'
import { migrationNames, MIGRATIONS_TABLE } from './migration-files.ts'
import { SchemaError } from './schema-error.ts'

/** Oldest PostgreSQL that the statements are written for, as in `server_version_num`. */
const OLDEST_VERSION = 140_000

/** Which schema, and how it is judged. */
export interface SchemaOptions {
  readonly schema: string
  readonly log?: Log | undefined
  /** Default {@link OLDEST_VERSION}. */
  readonly oldestVersion?: number
}

/**
 * Makes the schema unless it is there, and moves the tables of an older release into it. Until the connection ends, others
 * that prepare the same schema wait. Resolves to whether migrations are missing; only then must the role be able to make
 * tables.
 * @throws {SchemaError} when this is not possible, or what is there is not fit for this release
 */
export async function prepareSchema(client: ClientBase, options: SchemaOptions): Promise<boolean> {
  const { schema, log } = options
  await refuseOldVersion(client, options.oldestVersion)
  await client.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`cliscale migrations of ${schema}`])
  const found = await lookAt(client, schema)
  const applied = found.present && found.readable ? await appliedIn(client, schema) : null
  if (applied !== null) refuseForeign(applied, schema)
  if (applied?.length === migrationNames().length) return false
  refuseRights(found, schema)
  if (applied !== null) return true
  if (found.tables !== null)
    throw new SchemaError(
      `The schema ${schema} has tables that are not Cliscale's, such as ${found.tables}; name another one with --db-schema.`,
    )
  if (!found.present) await client.query(`CREATE SCHEMA IF NOT EXISTS ${client.escapeIdentifier(schema)}`)
  await moveOldTables(client, { schema, log })
  return true
}

/**
 * Whether a server that does not migrate can work here: null, or one sentence about what is still missing.
 * @throws {SchemaError} when it never can
 * @throws {CodedError} `DATABASE_UNAVAILABLE`
 */
export async function checkSchema(
  connectionString: string,
  { schema, oldestVersion }: SchemaOptions,
): Promise<string | null> {
  const client = newClient({
    connectionString,
    schema,
    applicationName: `cliscale-check ${process.pid} of ${schema}`,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await refuseOldVersion(client, oldestVersion)
    const { present, readable, role } = await lookAt(client, schema)
    if (present && !readable)
      throw new SchemaError(
        `The role ${role} may not read the schema ${schema}; let the schema's owner run: GRANT USAGE ON SCHEMA ${schema} ` +
          `TO ${quoted(role)};`,
      )
    const applied = present ? await appliedIn(client, schema) : null
    if (applied !== null) refuseForeign(applied, schema)
    const missing = migrationNames().length - (applied?.length ?? 0)
    return missing === 0
      ? null
      : `The schema ${schema} is not up to date; start a controller of this release, or run: cliscale-server migrate`
  } catch (error) {
    throw toDatabaseError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function refuseOldVersion(client: ClientBase, oldest: number = OLDEST_VERSION): Promise<void> {
  const { rows } = await client.query<{ number: number; text: string }>(
    `SELECT current_setting('server_version_num')::integer AS number, current_setting('server_version') AS text`,
  )
  const { number = 0, text = '' } = rows[0] ?? {}
  if (number >= oldest) return
  throw new SchemaError(
    `The database is of PostgreSQL ${text}, but Cliscale needs ${Math.floor(oldest / 10_000)} or newer; update it, or ` +
      `name another one with DATABASE_URL.`,
  )
}

interface Found {
  readonly role: string
  readonly database: string
  readonly present: boolean
  /** True where a schema can be made. */
  readonly may_create: boolean
  /** True where what is in it can be named. */
  readonly readable: boolean
  /** True where tables can be made in it. */
  readonly usable: boolean
  /** A table in it; null when there is none. */
  readonly tables: string | null
}

async function lookAt(client: ClientBase, schema: string): Promise<Found> {
  const { rows } = await client.query<Found>(
    `SELECT current_user AS role, current_database() AS database, n.oid IS NOT NULL AS present,
       has_database_privilege(current_database(), 'CREATE') AS may_create,
       COALESCE(has_schema_privilege(n.oid, 'USAGE'), false) AS readable,
       COALESCE(has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE'), false) AS usable,
       (SELECT min(c.relname::text) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) AS tables
     FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = $1`,
    [schema],
  )
  if (rows[0] === undefined) throw new Error('A look at the schema returned no row.')
  return rows[0]
}

function refuseRights(found: Found, schema: string): void {
  const { database, role } = found
  if (!found.present && !found.may_create)
    throw new SchemaError(
      `The role ${role} may not make the schema ${schema} in the database ${database}; let the database's owner run ` +
        `there: CREATE SCHEMA ${schema} AUTHORIZATION ${quoted(role)};`,
    )
  if (found.present && !found.usable)
    throw new SchemaError(
      `The role ${role} may not make tables in the schema ${schema} of the database ${database}; let the schema's owner ` +
        `run there: GRANT USAGE, CREATE ON SCHEMA ${schema} TO ${quoted(role)};`,
    )
}

/** As PostgreSQL writes an identifier that is no plain word. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`
}

/** Names of the migrations that were applied in a schema; null when it has no table of them. */
async function appliedIn(client: ClientBase, schema: string): Promise<readonly string[] | null> {
  const table = `${client.escapeIdentifier(schema)}.${MIGRATIONS_TABLE}`
  const { rows } = await client.query<{ columns: readonly string[] | null }>(
    `SELECT array_agg(attname::text) AS columns FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0`,
    [table],
  )
  const columns = rows[0]?.columns ?? null
  if (columns === null) return null
  if (!['id', 'name', 'run_on'].every((name) => columns.includes(name))) throw foreign(schema)
  const applied = await client.query<{ name: string }>(`SELECT name FROM ${table} ORDER BY run_on, id`)
  return applied.rows.map(({ name }) => name)
}

function refuseForeign(applied: readonly string[], schema: string): void {
  const known = migrationNames()
  const unknown = applied.filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  if (applied[0] !== known[0]) throw foreign(schema)
  throw new SchemaError(
    `The schema ${schema} was brought up to date by a newer release (${unknown.join(', ')}); start that release.`,
  )
}

function foreign(schema: string): SchemaError {
  return new SchemaError(
    `The table ${MIGRATIONS_TABLE} in the schema ${schema} is not Cliscale's; name another schema with --db-schema.`,
  )
}

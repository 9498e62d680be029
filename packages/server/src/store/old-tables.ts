import type { ClientBase } from 'pg'
import { DEFAULT_SCHEMA } from '../config/db-schema.ts'
import type { Log } from '../observability/log.ts'
import { MIGRATIONS_TABLE } from './migration-files.ts'
import { SchemaError } from './schema-error.ts'

/** What releases up to 0.1.0 made in the schema `public`; what belongs to a table goes with it. */
const TABLES = [
  'projects',
  'api_keys',
  'login_codes',
  'signing_keys',
  'sessions',
  'runners',
  'session_events',
  'session_tokens',
  'leases',
  MIGRATIONS_TABLE,
] as const
const SEQUENCES = ['session_event_seq'] as const
const ROUTINES = ['number_session_event()', 'lock_and_count_live(text,text)'] as const

/** The migrations of those releases. */
const MIGRATIONS: readonly string[] = ['0001_sessions', '0002_recordings']

/** Names under which those releases connect. */
const OLD_NAMES = String.raw`^cliscale-(server|listen|migrate) \d+$`

/** How long servers that are just stopping are waited for, in tries of a tenth of a second each. */
const TRIES = 50

/** Longest wait for somebody who uses the tables. */
const LOCK_TIMEOUT = '10s'

/**
 * Moves the tables that an older release made in the schema `public`, if they are verifiably Cliscale's: all of them are
 * there for this role, and so are the names of its migrations. Tables of an app that only bear the same names stay.
 * @throws {SchemaError} when they cannot be moved now
 */
export async function moveOldTables(
  client: ClientBase,
  { schema, log }: { readonly schema: string; readonly log?: Log | undefined },
): Promise<void> {
  if (!(await areOurs(client))) return
  if (schema !== DEFAULT_SCHEMA)
    throw new SchemaError(
      `The database has tables of an older release in the schema public, which may be another installation's; start that ` +
        `one's server of this release first, which moves them to ${DEFAULT_SCHEMA}.`,
    )
  await refuseOldServers(client)
  const statements = movesTo(client.escapeIdentifier(schema))
  try {
    await client.query('BEGIN')
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`)
    for (const statement of statements) await client.query(statement)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw whyNot(error, schema)
  }
  log?.info({ schema }, 'moved the tables from the schema public')
}

async function areOurs(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ there: number }>(
    `SELECT count(*)::integer AS there FROM pg_class
     WHERE relnamespace = to_regnamespace('public') AND relkind = 'r' AND relname = ANY ($1)
       AND has_table_privilege(oid, 'SELECT')`,
    [TABLES],
  )
  if (rows[0]?.there !== TABLES.length) return false
  const applied = await client.query<{ name: string }>(
    `SELECT name FROM public.${MIGRATIONS_TABLE} ORDER BY run_on, id`,
  )
  return applied.rows.length > 0 && applied.rows.every(({ name }, at) => name === MIGRATIONS[at])
}

/** Servers of before look for their tables in `public`, and would fail. */
async function refuseOldServers(client: ClientBase): Promise<void> {
  let names: readonly string[] = []
  for (let left = TRIES; left > 0; left -= 1) {
    const { rows } = await client.query<{ name: string }>(
      `SELECT DISTINCT application_name AS name FROM pg_stat_activity
       WHERE datname = current_database() AND application_name ~ $1 AND pid <> pg_backend_pid() ORDER BY 1`,
      [OLD_NAMES],
    )
    names = rows.map(({ name }) => name)
    if (names.length === 0) return
    await client.query('SELECT pg_sleep(0.1)')
  }
  throw new SchemaError(
    `Servers of an older release still use the database (${names.join(', ')}); stop them, then start again.`,
  )
}

function movesTo(schema: string): readonly string[] {
  return [
    ...TABLES.map((name) => `ALTER TABLE public.${name} SET SCHEMA ${schema}`),
    ...SEQUENCES.map((name) => `ALTER SEQUENCE public.${name} SET SCHEMA ${schema}`),
    ...ROUTINES.map((name) => `ALTER FUNCTION public.${name} SET SCHEMA ${schema}`),
  ]
}

function whyNot(error: unknown, schema: string): unknown {
  const code = (error as { code?: unknown }).code
  const reason = error instanceof Error ? error.message : String(error)
  if (code === '42501')
    return new SchemaError(
      `The tables in the schema public cannot be moved to ${schema} (${reason}); start the server once as the role that ` +
        `made them.`,
      error,
    )
  if (code === '55P03')
    return new SchemaError(
      `The tables in the schema public cannot be moved to ${schema} while somebody uses them; try again.`,
      error,
    )
  return error
}

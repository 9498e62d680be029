import type { Client } from 'pg'

/** What the application gets: a role without rights on the server, and a database of its own. */
export interface Application {
  readonly role: string
  readonly password: string
  readonly database: string
}

/** It logs in, and that is all. */
const RIGHTS = 'LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS'

/**
 * Makes role and database, or makes them what they should be. `superuser` is a connection to another database, `open`
 * prepares one to a database that is named.
 */
export async function ensureApplication(
  superuser: Client,
  application: Application,
  open: (database: string) => Client,
): Promise<void> {
  const { database, password } = application
  const role = superuser.escapeIdentifier(application.role)
  const name = superuser.escapeIdentifier(database)
  const known = await superuser.query('SELECT FROM pg_roles WHERE rolname = $1', [application.role])
  const verb = known.rowCount === 0 ? 'CREATE' : 'ALTER'
  await superuser.query(`${verb} ROLE ${role} ${RIGHTS} PASSWORD ${superuser.escapeLiteral(password)}`)
  const { rows } = await superuser.query<{ owner: string }>(
    'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = $1',
    [database],
  )
  if (rows[0] === undefined) await superuser.query(`CREATE DATABASE ${name} OWNER ${role}`)
  else if (rows[0].owner !== application.role) {
    await giveObjects(open(database), application)
    await superuser.query(`ALTER DATABASE ${name} OWNER TO ${role}`)
  }
  await superuser.query(`REVOKE ALL ON DATABASE ${name}, postgres, template1 FROM PUBLIC`)
}

/** Statements that give what the superuser has in a database to the role $1. What belongs to a table goes with it. */
const GIVE = `
SELECT format('ALTER SCHEMA %I OWNER TO %I', n.nspname, $1::text) AS statement FROM pg_namespace n
WHERE n.nspowner = current_user::regrole AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION ALL
SELECT format('ALTER TABLE %I.%I OWNER TO %I', n.nspname, c.relname, $1)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relowner = current_user::regrole AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (c.relkind IN ('r', 'p', 'v', 'm', 'f') OR c.relkind = 'S' AND NOT EXISTS (
    SELECT FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')))
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO %I', p.oid::regprocedure, $1)
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.proowner = current_user::regrole AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

/** Gives the role what is in a database that the superuser had itself. */
async function giveObjects(client: Client, { role }: Application): Promise<void> {
  await client.connect()
  try {
    await client.query('BEGIN')
    const { rows } = await client.query<{ statement: string }>(GIVE, [role])
    for (const { statement } of rows) await client.query(statement)
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
}

import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import { Client } from 'pg'
import { type Database, type DatabaseOptions, openDatabase } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { runSql } from './run-sql.ts'
import { startTestPostgres, type TestPostgres } from './test-postgres.ts'

/** A database of a test's own. */
export interface TestDatabase {
  readonly connectionString: string
  readonly database: Database
  readonly store: Store
  /** Another pool on the same database, closed with the test. */
  readonly open: (options?: Partial<DatabaseOptions>) => Database
}

/** A server that the test runner started for all files, as {@link TestPostgres} has it. */
const SHARED = process.env.CLISCALE_TEST_DATABASE_URL

const TEMPLATE = 'cliscale_template'

/** Writes nothing of the copy to the log of a database that outlives no crash. */
const COPIED = 'STRATEGY file_copy'

let server: Promise<Omit<TestPostgres, 'superuser'>> | undefined

// Registered while the file loads, so that it runs after the file's last test.
after(async () => {
  await (await server)?.stop()
})

/** An empty database, dropped when the test is over. */
export async function emptyDatabase(t: Pick<TestContext, 'after'>): Promise<string> {
  server ??= startServer()
  const { connectionString: admin } = await server
  const name = `test_${randomBytes(6).toString('hex')}`
  await runSql(admin, `CREATE DATABASE ${name} TEMPLATE template0 ${COPIED}`)
  t.after(() => runSql(admin, `DROP DATABASE ${name} WITH (FORCE)`))
  return withDatabase(admin, name)
}

/**
 * A fresh, migrated database: a copy of a template on one real PostgreSQL, that of the whole run or, where there is none,
 * one of this process. It is dropped when the test is over.
 */
export async function testDatabase(t: TestContext): Promise<TestDatabase> {
  server ??= startServer()
  const { connectionString: admin } = await server
  const name = `test_${randomBytes(6).toString('hex')}`
  await runSql(admin, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE} ${COPIED}`)
  const connectionString = withDatabase(admin, name)
  const pools: Database[] = []
  const open = (options: Partial<DatabaseOptions> = {}): Database => {
    const pool = openDatabase({ connectionString, ...options })
    pools.push(pool)
    return pool
  }
  const database = open()
  t.after(async () => {
    await Promise.all(pools.map((pool) => pool.close()))
    await runSql(admin, `DROP DATABASE ${name} WITH (FORCE)`)
  })
  return { connectionString, database, store: createStore(database), open }
}

async function startServer(): Promise<Omit<TestPostgres, 'superuser'>> {
  const server = SHARED
    ? { connectionString: SHARED, stop: () => Promise.resolve() }
    : await startTestPostgres()
  await makeTemplate(server.connectionString)
  return server
}

/** Test processes that share a server make the template once. */
async function makeTemplate(admin: string): Promise<void> {
  const client = new Client({ connectionString: admin })
  await client.connect()
  try {
    await client.query('SELECT pg_advisory_lock(4299)')
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [TEMPLATE])
    if (rowCount) return
    await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE}_new`)
    await client.query(`CREATE DATABASE ${TEMPLATE}_new`)
    await migrate(withDatabase(admin, `${TEMPLATE}_new`))
    await client.query(`ALTER DATABASE ${TEMPLATE}_new RENAME TO ${TEMPLATE}`)
  } finally {
    await client.end()
  }
}

/** The same server, another database. */
function withDatabase(connectionString: string, name: string): string {
  return connectionString.replace(/^([a-z]+:\/\/[^/]*\/)[^?]*/, `$1${name}`)
}

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { Client } from 'pg'
import { type Database, type DatabaseOptions, openDatabase } from '../../src/store/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { createStore, type Store } from '../../src/store/store.ts'

/** A database of a test's own. */
export interface TestDatabase {
  readonly connectionString: string
  readonly database: Database
  readonly store: Store
  /** Another pool on the same database, closed with the test. */
  readonly open: (options?: Partial<DatabaseOptions>) => Database
}

/** A server that the test runner started for all files: its address as a superuser. */
const SHARED = process.env.CLISCALE_TEST_DATABASE_URL

const TEMPLATE = 'cliscale_template'

interface Server {
  readonly connectionString: string
  readonly stop: () => Promise<void>
}

let server: Promise<Server> | undefined

// Registered while the file loads, so that it runs after the file's last test.
after(async () => {
  await (await server)?.stop()
})

/**
 * A fresh, migrated database: a copy of a template on one real PostgreSQL per test process. It is dropped when the test
 * is over, and kept when the test failed while `CLISCALE_TEST_DATABASE_URL` names a server that outlives the process.
 */
export async function testDatabase(t: TestContext): Promise<TestDatabase> {
  server ??= startServer()
  const { connectionString: admin } = await server
  const name = `test_${randomBytes(6).toString('hex')}`
  await runSql(admin, `CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`)
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
    const { passed } = t as { readonly passed?: boolean }
    if (SHARED && passed === false) t.diagnostic(`the database ${name} is kept`)
    else await runSql(admin, `DROP DATABASE ${name} WITH (FORCE)`)
  })
  return { connectionString, database, store: createStore(database), open }
}

/** Starts an embedded PostgreSQL in a folder of its own that loses nothing of worth when it dies. */
async function startServer(): Promise<Server> {
  const own = SHARED ? null : await startOwn()
  const connectionString = own?.postgres.connectionString ?? SHARED ?? ''
  await makeTemplate(connectionString)
  return {
    connectionString,
    stop: async () => {
      await own?.postgres.stop()
      if (own) await rm(own.dataDir, { recursive: true })
    },
  }
}

async function startOwn(): Promise<{ postgres: EmbeddedPostgres; dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'cliscale-test-'))
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '120',
  }
  return { postgres: await startEmbeddedPostgres({ dataDir, settings }), dataDir }
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

async function runSql(connectionString: string, text: string): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

/** The same server, another database. */
function withDatabase(connectionString: string, name: string): string {
  return connectionString.replace(/^([a-z]+:\/\/[^/]*\/)[^?]*/, `$1${name}`)
}

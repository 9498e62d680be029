import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { runSql } from './run-sql.ts'
import { superuserAddress } from './superuser.ts'

/** A PostgreSQL server for tests. */
export interface TestPostgres {
  /** A database of a role that may make others, and is no superuser: the product is none either. */
  readonly connectionString: string
  /** Address of a database as superuser. */
  readonly superuser: (database: string) => Promise<string>
  /** Stops it and removes its data. */
  readonly stop: () => Promise<void>
}

/** Name of role and database. */
const TESTER = 'tester'

/** Starts an embedded PostgreSQL in a folder of its own, below `place`, that loses nothing of worth when it dies. */
export async function startTestPostgres(place = tmpdir()): Promise<TestPostgres> {
  const dataDir = await mkdtemp(join(place, 'cliscale-test-'))
  // Tests make databases and roles, and each other's must be reachable.
  const rules = join(dataDir, 'test-hba.conf')
  await writeFile(rules, 'local all all scram-sha-256\n')
  await chmod(rules, 0o644)
  const settings = {
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    max_connections: '200',
    // The files may lie in memory.
    max_wal_size: '128MB',
    // A database with one of its workers in it could be dropped by a superuser only.
    autovacuum: 'off',
    hba_file: rules,
  }
  const postgres = await startEmbeddedPostgres({ dataDir, settings })
  const { connectionString } = postgres
  const superuser = (database: string): Promise<string> =>
    superuserAddress({ dataDir, connectionString }, database)
  await runSql(
    await superuser('postgres'),
    `CREATE ROLE ${TESTER} LOGIN CREATEDB CREATEROLE PASSWORD '${TESTER}'`,
    `CREATE DATABASE ${TESTER} OWNER ${TESTER}`,
  )
  const { search } = new URL(connectionString.replace('@/', '@x/'))
  return {
    superuser,
    connectionString: `postgresql://${TESTER}:${TESTER}@/${TESTER}${search}`,
    stop: async () => {
      await postgres.stop()
      await rm(dataDir, { recursive: true })
    },
  }
}

import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { createStore } from '../../src/store/store.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { makeOldCluster } from '../support/old-cluster.ts'
import { runSql } from '../support/run-sql.ts'
import { newSession } from '../support/sessions.ts'
import { superuserAddress } from '../support/superuser.ts'
import { waitFor } from '../support/wait-for.ts'

/** What a role may not do that has no right on the server: each would reach beyond the database. */
const BEYOND = [
  `COPY (SELECT 'x') TO PROGRAM 'cat'`,
  `COPY stolen FROM PROGRAM 'id'`,
  `COPY stolen FROM '/etc/passwd'`,
  `COPY (SELECT 'x') TO '/tmp/cliscale-never-written'`,
  `SELECT pg_read_file('PG_VERSION')`,
  `SELECT pg_ls_dir('.')`,
  `SELECT lo_import('/etc/passwd')`,
  `SELECT rolpassword FROM pg_authid`,
  'CREATE ROLE more',
  'CREATE DATABASE more',
  'ALTER ROLE cliscale_app SUPERUSER',
  'SET ROLE cliscale',
  'GRANT pg_read_server_files TO cliscale_app',
  `ALTER SYSTEM SET log_statement = 'all'`,
  `LOAD 'dblink'`,
  'CREATE EXTENSION dblink',
  'CREATE FUNCTION f() RETURNS int LANGUAGE c AS $$libc$$',
] as const

test('the server connects as a role that reaches nothing beyond its own database', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const postgres = await startEmbeddedPostgres({ dataDir })
  cleanup.after(() => postgres.stop())
  const { connectionString } = postgres
  await migrate(connectionString)

  await runSql(connectionString, 'CREATE SCHEMA mine', 'CREATE TABLE mine.stolen (line text)')
  for (const text of BEYOND) {
    const attempt = runSql(connectionString, 'SET search_path = mine', text)
    await assert.rejects(attempt, { severity: 'ERROR' }, `${text} is refused`)
  }
  await assert.rejects(stat('/tmp/cliscale-never-written'), { code: 'ENOENT' })
  const [rights] = await runSql(
    connectionString,
    `SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = current_user`,
  )
  assert.deepEqual(new Set(Object.values(rights ?? {})), new Set([false]))
  assert.deepEqual(
    await runSql(connectionString, `SELECT FROM pg_auth_members WHERE member = current_user::regrole`),
    [],
  )
})

test('the role of the server gets into no other database, and no third role gets in at all', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const postgres = await startEmbeddedPostgres({ dataDir })
  cleanup.after(() => postgres.stop())
  const { connectionString } = postgres
  const admin = await superuserAddress({ dataDir, connectionString }, 'cliscale')
  await runSql(admin, `CREATE ROLE third LOGIN SUPERUSER PASSWORD 'third'`)

  for (const database of ['postgres', 'template1']) {
    const other = connectionString.replace('@/cliscale', `@/${database}`)
    await assert.rejects(runSql(other, 'SELECT 1'), { code: '28000' })
  }
  const password = await readFile(join(dataDir, 'keys', 'postgres.password'), 'utf8')
  const third = admin.replace('//cliscale:', '//third:').replace(encodeURIComponent(password), 'third')
  await assert.rejects(runSql(third, 'SELECT 1'), { code: '28000' })
  assert.ok(!connectionString.includes(password), 'the password of the superuser is not the one of the role')
  const guessed = connectionString.replace(/:[^:@]+@/, `:${encodeURIComponent(password)}@`)
  await assert.rejects(runSql(guessed, 'SELECT 1'), { code: '28P01' })
})

for (const running of [false, true]) {
  const state = running ? 'running' : 'stopped'
  test(`data of release 0.1.0, ${state}, is taken over: the role of the server has it, and it goes on`, async (t) => {
    const cleanup = backwards(t)
    const dataDir = await dataFolder()
    cleanup.after(() => removeDataFolder(dataDir))
    const old = await makeOldCluster(dataDir, { running })

    const postgres = await startEmbeddedPostgres({ dataDir })
    cleanup.after(() => postgres.stop())
    const { connectionString } = postgres
    assert.notEqual(postgres.pid, old)
    await migrate(connectionString)
    const database = openDatabase({ connectionString })
    cleanup.after(() => database.close())
    const store = createStore(database)
    assert.equal((await store.sessions.find('ses_old'))?.info.owner, 'ada')
    await store.sessions.create(newSession())
    for (const text of BEYOND) await assert.rejects(runSql(connectionString, text), `${text} is refused`)
    const rest = `SELECT relname FROM pg_class WHERE relowner = 'cliscale'::regrole AND relnamespace::regnamespace::text !~ '^pg_|^information_schema'
      UNION ALL SELECT proname FROM pg_proc WHERE proowner = 'cliscale'::regrole AND pronamespace::regnamespace::text !~ '^pg_|^information_schema'`
    assert.deepEqual(await runSql(connectionString, rest), [])
  })
}

test('a takeover that was interrupted is taken up again', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  await makeOldCluster(dataDir)
  const first = await startEmbeddedPostgres({ dataDir })
  const { connectionString } = first
  const admin = await superuserAddress({ dataDir, connectionString }, 'cliscale')
  // As if the role had been made, and some tables given, when the power went.
  await runSql(
    admin,
    'ALTER DATABASE cliscale OWNER TO cliscale',
    'ALTER TABLE leases OWNER TO cliscale',
    'ALTER FUNCTION number_session_event() OWNER TO cliscale',
    'ALTER ROLE cliscale_app CREATEDB',
  )
  await first.stop()

  const second = await startEmbeddedPostgres({ dataDir })
  cleanup.after(() => second.stop())
  await waitFor(() => second.check() === null, { what: 'it is up' })
  assert.deepEqual(
    await runSql(
      second.connectionString,
      `SELECT pg_get_userbyid(datdba) AS owner, rolcreatedb AS more FROM pg_database, pg_roles
       WHERE datname = 'cliscale' AND rolname = current_user`,
    ),
    [{ owner: 'cliscale_app', more: false }],
  )
  await runSql(second.connectionString, 'ALTER TABLE leases ADD more int')
})

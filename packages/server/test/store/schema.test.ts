import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Client } from 'pg'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { listenForEvents } from '../../src/store/listen.ts'
import { migrate } from '../../src/store/migrate.ts'
import { migrationNames } from '../../src/store/migration-files.ts'
import { checkSchema } from '../../src/store/schema.ts'
import { createStore, type Store } from '../../src/store/store.ts'
import { backwards } from '../support/backwards.ts'
import { emptyDatabase } from '../support/database.ts'
import { oldSchema } from '../support/old-cluster.ts'
import { runSql } from '../support/run-sql.ts'
import { newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'

interface Installation {
  readonly database: Database
  readonly store: Store
}

/** A pool on a schema, which has the project of the tests' sessions. */
async function open(t: TestContext, connectionString: string, schema?: string): Promise<Installation> {
  const place = schema === undefined ? {} : { schema }
  const database = openDatabase({ connectionString, ...place })
  t.after(() => database.close())
  const store = createStore(database)
  await store.projects.ensure('p1', 'One')
  return { database, store }
}

async function tablesIn(connectionString: string, schema: string): Promise<readonly string[]> {
  const rows = await runSql(
    connectionString,
    `SELECT tablename FROM pg_tables WHERE schemaname = '${schema}' ORDER BY 1`,
  )
  return rows.map((row) => String(Object.values(row)[0]))
}

const OF_THE_APP = `CREATE FUNCTION public.number_session_event(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`

const OLD_ROWS = `
INSERT INTO projects (id, name) VALUES ('p1', 'One');
INSERT INTO sessions (id, project_id, owner, template, state, command, columns, rows, isolation, lifetime_seconds,
  idle_timeout_seconds, expires_at)
VALUES ('ses_old', 'p1', 'ada', 'shell', 'queued', 'sh', 80, 24, 'none', 60, 0, now() + interval '1 day');
INSERT INTO session_events (session_id, project_id, type, state, body) VALUES ('ses_old', 'p1', 'created', 'queued', '{}')`

test('tables go to a schema of their own, whatever role, database and address say, and those of an app stay', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  const [{ name = '' } = {}] = (await runSql(address, 'SELECT current_database() AS name')) as {
    name?: string
  }[]
  await runSql(
    address,
    `CREATE TABLE sessions (secret text)`,
    `CREATE TABLE schema_migrations (id serial PRIMARY KEY, name text NOT NULL, run_on timestamp NOT NULL)`,
    `INSERT INTO schema_migrations (name, run_on) VALUES ('0001_users', now())`,
    `ALTER DATABASE ${name} SET search_path = public`,
    // Names that would be found first if the search went through these.
    `CREATE FUNCTION redeem_tokens(text[]) RETURNS TABLE (jti text, session_id text, role text, expired boolean)
       LANGUAGE sql AS $$ SELECT 'stolen', 'stolen', 'driver', false $$`,
  )
  const before = await tablesIn(address, 'public')
  const searching = `${address}&options=${encodeURIComponent('-csearch_path=public')}`

  await migrate(searching)
  const { store, database } = await open(cleanup, searching)
  const input = newSession()
  await store.sessions.create(input)
  assert.equal((await store.tokens.redeem(input.token.jti)).outcome, 'redeemed')
  assert.deepEqual(await tablesIn(address, 'public'), before)
  assert.deepEqual(await runSql(address, 'SELECT name FROM public.schema_migrations'), [
    { name: '0001_users' },
  ])
  assert.ok((await tablesIn(address, 'cliscale')).includes('sessions'))
  const [path] = await database.query({ text: 'SHOW search_path' })
  assert.deepEqual(path, { search_path: '"cliscale",pg_temp' })
})

test('two installations in one database have their own sessions, announcements and locks', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  const names = ['cliscale', 'order'] as const
  await Promise.all(names.map((schema) => migrate(address, { schema })))
  const one = await open(cleanup, address, names[0])
  const two = await open(cleanup, address, names[1])
  const heard: (readonly [string, string | null])[] = []
  for (const schema of names) {
    const hints = listenForEvents({ connectionString: address, schema })
    cleanup.after(() => hints.close())
    await hints.ready
    hints.subscribe('*', (id) => heard.push([schema, id]))
  }
  heard.length = 0

  const limits = { perOwner: 100, perProject: 100 }
  await one.database.transaction(async (transaction) => {
    // Holds all that a create with limits holds, until the end of the transaction.
    await transaction.query({
      text: `SELECT lock_and_count_live('p1', 'o')`,
    })
    await transaction.query({
      text: `INSERT INTO sessions (id, project_id, owner, template, state, command, columns, rows, isolation,
          lifetime_seconds, idle_timeout_seconds, expires_at)
        VALUES ('ses_one', 'p1', 'o', 't', 'queued', 'sh', 80, 24, 'none', 60, 0, now() + interval '1 day')`,
    })
    await transaction.query({
      text: `INSERT INTO session_events (session_id, project_id, type, state, body)
        VALUES ('ses_one', 'p1', 'created', 'queued', '{}')`,
    })
    await two.store.sessions.create(newSession({ limits }))
  })
  const third = (await two.store.sessions.create(newSession({ limits }))).info.id
  await waitFor(() => heard.some(([, id]) => id === third) && heard.some(([, id]) => id === 'ses_one'), {
    what: 'both are heard',
  })
  assert.deepEqual(
    heard.filter(([schema, id]) => (schema === 'cliscale') !== (id === 'ses_one')),
    [],
  )
  assert.equal(await two.store.sessions.find('ses_one'), null)
})

test('tables of release 0.1.0 are moved from the schema public once, with what is in them', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  await runSql(
    address,
    ...(await oldSchema()),
    OLD_ROWS,
    'CREATE TABLE public.of_the_app (n int)',
    OF_THE_APP,
  )

  const applied = await Promise.all([1, 2, 3].map(() => migrate(address)))
  assert.deepEqual(
    applied.filter((names) => names.length > 0),
    [migrationNames().slice(2)],
  )
  assert.deepEqual(await tablesIn(address, 'public'), ['of_the_app'])
  const rest = `SELECT proname AS name FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'`
  assert.deepEqual(await runSql(address, rest), [{ name: 'number_session_event' }])
  const { store } = await open(cleanup, address)
  assert.equal((await store.sessions.find('ses_old'))?.info.owner, 'ada')
  const before = await store.events.lastSeq()
  assert.ok(before > 0)
  await store.sessions.create(newSession())
  assert.equal(await store.events.lastSeq(), before + 1)
  assert.deepEqual(await migrate(address), [])
})

test('tables of an older release are not moved from under its servers, nor by another installation', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  await runSql(address, ...(await oldSchema()), OLD_ROWS)
  const tables = await tablesIn(address, 'public')

  await assert.rejects(migrate(address, { schema: 'second' }), {
    name: 'SchemaError',
    message: /^The database has tables of an older release in the schema public, .*\.$/,
  })
  const old = new Client({ connectionString: address, application_name: 'cliscale-listen 4711' })
  await old.connect()
  cleanup.after(() => old.end())
  await assert.rejects(migrate(address), {
    name: 'SchemaError',
    message:
      'Servers of an older release still use the database (cliscale-listen 4711); stop them, then start again.',
  })
  assert.deepEqual(await tablesIn(address, 'public'), tables)

  // One that is only just stopping is waited for.
  const moving = migrate(address)
  await waitFor(
    async () =>
      (await runSql(address, `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_sleep(0.1)%'`)).length > 1,
    { what: 'it waits' },
  )
  await old.end()
  assert.ok((await moving).length > 0)
})

test('a schema of somebody else is refused with a sentence, and left as it is', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  await runSql(
    address,
    'CREATE SCHEMA theirs',
    'CREATE TABLE theirs.schema_migrations (version text)',
    'CREATE SCHEMA theirs_too',
    'CREATE TABLE theirs_too.schema_migrations (id serial, name text, run_on timestamp)',
    `INSERT INTO theirs_too.schema_migrations (name, run_on) VALUES ('0001_users', now())`,
    'CREATE SCHEMA data',
    'CREATE TABLE data.customers (n int)',
  )
  for (const schema of ['theirs', 'theirs_too']) {
    const message = `The table schema_migrations in the schema ${schema} is not Cliscale's; name another schema with --db-schema.`
    await assert.rejects(migrate(address, { schema }), { name: 'SchemaError', message })
    await assert.rejects(checkSchema(address, { schema }), { name: 'SchemaError', message })
    assert.deepEqual(await tablesIn(address, schema), ['schema_migrations'])
  }
  await assert.rejects(migrate(address, { schema: 'data' }), {
    name: 'SchemaError',
    message:
      "The schema data has tables that are not Cliscale's, such as customers; name another one with --db-schema.",
  })
  assert.deepEqual(await tablesIn(address, 'data'), ['customers'])
})

test('a schema of a newer release and a PostgreSQL that is too old are refused with a sentence', async (t) => {
  const address = await emptyDatabase(backwards(t))
  const old = {
    name: 'SchemaError',
    message: /^The database is of PostgreSQL 18\S*, but Cliscale needs 99 or newer; /,
  }
  await assert.rejects(migrate(address, { oldestVersion: 990_000 }), old)
  await assert.rejects(checkSchema(address, { schema: 'cliscale', oldestVersion: 990_000 }), old)
  assert.match(
    (await checkSchema(address, { schema: 'cliscale' })) ?? '',
    /is not up to date; start a controller/,
  )

  await migrate(address)
  assert.equal(await checkSchema(address, { schema: 'cliscale' }), null)
  await runSql(address, `INSERT INTO cliscale.schema_migrations (name, run_on) VALUES ('9999_later', now())`)
  const newer = {
    name: 'SchemaError',
    message:
      'The schema cliscale was brought up to date by a newer release (9999_later); start that release.',
  }
  await assert.rejects(migrate(address), newer)
  await assert.rejects(checkSchema(address, { schema: 'cliscale' }), newer)
})

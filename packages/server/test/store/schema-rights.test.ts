import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'
import { checkSchema } from '../../src/store/schema.ts'
import { createStore } from '../../src/store/store.ts'
import { backwards } from '../support/backwards.ts'
import { oldSchema } from '../support/old-cluster.ts'
import { runSql } from '../support/run-sql.ts'
import { newSession } from '../support/sessions.ts'
import { startTestPostgres } from '../support/test-postgres.ts'

/** The address of a database for a role with its name as password. */
function as(address: string, role: string): string {
  return address.replace(/\/\/[^@]*@/, `//${role}:${role}@`)
}

test('a role without the right to make a schema is told the statement that helps, and it helps', async (t) => {
  const cleanup = backwards(t)
  const postgres = await startTestPostgres()
  cleanup.after(() => postgres.stop())
  const admin = await postgres.superuser('tester')
  await runSql(admin, `CREATE ROLE app LOGIN PASSWORD 'app'`)
  const address = as(admin, 'app')

  const refused = await migrate(address).catch((error: unknown) => error)
  assert.ok(refused instanceof Error)
  assert.match(
    refused.message,
    /^The role app may not make the schema cliscale in the database tester; let the database's owner run there: /,
  )
  await runSql(admin, refused.message.split('run there: ')[1] ?? '')
  await migrate(address)
  assert.equal(await checkSchema(address, { schema: 'cliscale' }), null)
  // With nothing left to do the right is not needed.
  await runSql(admin, 'REVOKE CREATE ON SCHEMA cliscale FROM app')
  assert.deepEqual(await migrate(address), [])

  await runSql(admin, 'CREATE SCHEMA bare')
  const bare = await migrate(address, { schema: 'bare' }).catch((error: unknown) => error)
  assert.ok(bare instanceof Error)
  assert.match(bare.message, /^The role app may not make tables in the schema bare of the database tester; /)
  await assert.rejects(checkSchema(address, { schema: 'bare' }), { message: /^The role app may not read / })
  await runSql(admin, bare.message.split('run there: ')[1] ?? '')
  await migrate(address, { schema: 'bare' })
})

test('tables of an older release that belong to another role stay, and it is said whose turn it is', async (t) => {
  const cleanup = backwards(t)
  const postgres = await startTestPostgres()
  cleanup.after(() => postgres.stop())
  const admin = await postgres.superuser('tester')
  await runSql(admin, ...(await oldSchema()), `CREATE ROLE app LOGIN PASSWORD 'app'`)
  await runSql(
    admin,
    'GRANT CREATE ON DATABASE tester TO app',
    'GRANT SELECT ON ALL TABLES IN SCHEMA public TO app',
  )

  await assert.rejects(migrate(as(admin, 'app')), {
    name: 'SchemaError',
    message:
      /^The tables in the schema public cannot be moved to cliscale \(must be owner of table projects\); start the server once as the role that made them\.$/,
  })
  await migrate(admin)
})

test('what the README says about a database that is shared with an app works as it stands', async (t) => {
  const cleanup = backwards(t)
  const postgres = await startTestPostgres()
  cleanup.after(() => postgres.stop())
  const admin = await postgres.superuser('tester')
  await runSql(admin, 'CREATE TABLE public.of_the_app (n int)')
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, statements = ''] = /```sql\n([^`]+)```/.exec(readme) ?? []
  const [, credentials = ''] = /DATABASE_URL=postgresql:\/\/([^@]+)@/.exec(readme) ?? []
  assert.match(statements, /CREATE ROLE/)
  await runSql(admin, statements)

  const address = admin.replace(/\/\/[^@]*@/, `//${credentials}@`)
  await migrate(address)
  const database = openDatabase({ connectionString: address })
  cleanup.after(() => database.close())
  const store = createStore(database)
  await store.projects.ensure('p1', 'One')
  await store.sessions.create(newSession())
  await assert.rejects(runSql(address, 'SELECT * FROM public.of_the_app'), { code: '42501' })
  await assert.rejects(runSql(address, 'CREATE SCHEMA more'), { code: '42501' })
})

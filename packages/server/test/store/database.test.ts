import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openDatabase } from '../../src/store/database.ts'
import { testDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait-for.ts'

test('a database that is not there is a coded error with a time to retry', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'cliscale-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const address of ['postgresql://x@127.0.0.1:1/x', `postgresql://x@/x?host=${folder}`]) {
    const database = openDatabase({ connectionString: address })
    t.after(() => database.close())
    await assert.rejects(database.query({ text: 'SELECT 1' }), {
      code: 'DATABASE_UNAVAILABLE',
      status: 503,
      retryAfterMs: 1_000,
    })
    assert.match((await database.check()) ?? '', /cannot reach its database/)
  }
})

test('a database that accepts but never answers is given up after the time to acquire', async (t) => {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  const { port } = server.address() as { port: number }
  const database = openDatabase({
    connectionString: `postgresql://x@127.0.0.1:${port}/x`,
    acquireTimeoutMs: 100,
  })
  t.after(() => database.close())

  await assert.rejects(database.query({ text: 'SELECT 1' }), { code: 'DATABASE_UNAVAILABLE' })
})

test('a full pool refuses after the time to acquire, and serves again afterwards', async (t) => {
  const { open } = await testDatabase(t)
  const database = open({ maxConnections: 1, acquireTimeoutMs: 1_000 })
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  const holding = database.transaction(async () => {
    begin()
    await held
  })
  await begun

  await assert.rejects(database.query({ text: 'SELECT 1' }), { code: 'DATABASE_UNAVAILABLE' })
  letGo()
  await holding
  assert.deepEqual(await database.query({ text: 'SELECT 1 AS one' }), [{ one: 1 }])
})

test('a statement that runs too long is a coded error and leaves a usable pool', async (t) => {
  const { open } = await testDatabase(t)
  const database = open({ maxConnections: 1, statementTimeoutMs: 50 })

  await assert.rejects(database.query({ text: 'SELECT pg_sleep(10)' }), { code: 'DATABASE_UNAVAILABLE' })
  assert.equal(await database.check(), null)
})

test('a connection that the database closes, idle or in use, costs at most its own statement', async (t) => {
  const { database, open } = await testDatabase(t)
  const pool = open({ maxConnections: 2, applicationName: 'victim' })
  const kill = (): Promise<object[]> =>
    database.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'`,
    })
  await pool.query({ text: 'SELECT 1' })

  await kill()
  await waitFor(() => pool.pool.total === 0, { what: 'the pool drops the idle connection' })
  assert.deepEqual(await pool.query({ text: 'SELECT 1 AS one' }), [{ one: 1 }])

  const sleeping = assert.rejects(pool.query({ text: 'SELECT pg_sleep(60)' }), {
    code: 'DATABASE_UNAVAILABLE',
  })
  await waitFor(
    async () =>
      (
        await database.query({
          text: `SELECT 1 FROM pg_stat_activity WHERE application_name = 'victim' AND wait_event = 'PgSleep'`,
        })
      ).length > 0,
    { what: 'the statement runs' },
  )
  await kill()
  await sleeping
  const inTransaction = pool.transaction(async (transaction) => {
    await transaction.query({ text: 'SELECT 1' })
    await kill()
    await waitFor(
      () =>
        transaction.query({ text: 'SELECT 1' }).then(
          () => false,
          () => true,
        ),
      { what: 'the transaction sees it' },
    )
    await transaction.query({ text: 'SELECT 1' })
  })
  await assert.rejects(inTransaction, { code: 'DATABASE_UNAVAILABLE' })
  assert.equal(await pool.check(), null)
})

test('a transaction is undone as a whole, and a mistake in a statement keeps its own error and the connection', async (t) => {
  const { database, open } = await testDatabase(t)
  const pool = open({ maxConnections: 1 })
  const insert = { text: `INSERT INTO projects (id, name) VALUES ('p1', 'One')` }

  const twice = pool.transaction(async (transaction) => {
    await transaction.query(insert)
    await transaction.query(insert)
  })
  await assert.rejects(twice, { code: '23505' })
  assert.equal(pool.pool.total, 1)
  assert.deepEqual(await database.query({ text: 'SELECT 1 FROM projects' }), [])
})

test('a pool closes once, however often it is asked to, and then refuses', async (t) => {
  const { open } = await testDatabase(t)
  const pool = open()
  await pool.query({ text: 'SELECT 1' })

  await Promise.all([pool.close(), pool.close()])
  await pool.close()
  await assert.rejects(pool.query({ text: 'SELECT 1' }), { code: 'DATABASE_UNAVAILABLE' })
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newClient } from '../../src/store/connection.ts'
import { listenForEvents } from '../../src/store/listen.ts'
import { testDatabase } from '../support/database.ts'
import { inFull } from '../support/in-full.ts'
import { runSql } from '../support/run-sql.ts'
import { startTestServer } from '../support/server.ts'

/** As a database does that is shut down: every connection is told 57P01 and closed. */
const END_ALL = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()`

test('closing pool and listener succeeds whenever the database ends their connections', async (t) => {
  const { connectionString, open } = await testDatabase(t)
  for (let round = 0; round < inFull(40, 10); round += 1) {
    const database = open({ maxConnections: 5 })
    const hints = listenForEvents({ connectionString, backoffMs: { first: 1, longest: 5 } })
    t.after(() => hints.close())
    await hints.ready
    // Some connections work, some are idle, one is being made when the end comes.
    const work = Array.from({ length: 5 }, (_, at) =>
      database.query({ text: `SELECT pg_sleep(${at % 2 === 0 ? 0 : 0.2})` }),
    )
    const settled = Promise.allSettled(work)
    await work[0]
    const ended = runSql(connectionString, END_ALL)
    if (round % 2 === 0) await ended
    const closing = Promise.all([database.close(), hints.close()])
    await ended
    await closing
    for (const result of await settled) {
      if (result.status === 'fulfilled') continue
      assert.equal((result.reason as { code?: unknown }).code, 'DATABASE_UNAVAILABLE', `round ${round}`)
    }
  }
})

test('a connection that nobody listens to may be ended by the database', async (t) => {
  const { connectionString } = await testDatabase(t)
  const client = newClient({ connectionString, applicationName: 'unheard' })
  await client.connect()
  const ended = new Promise<void>((resolve) => client.once('end', resolve))
  await runSql(connectionString, END_ALL)
  await ended
  await assert.rejects(client.query('SELECT 1'), /not queryable/)
})

test('a server closes when its database went down first', async (t) => {
  const server = await startTestServer(t, { flags: ['--spare-runners=1'] })
  await server.call('POST', '/v1/sessions', { command: 'true' })
  const ended = runSql(server.connectionString, END_ALL)
  await Promise.all([ended, server.server.close()])
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '../../src/store/database.ts'
import { createStore } from '../../src/store/store.ts'
import { testDatabase } from '../support/database.ts'
import { newSession } from '../support/sessions.ts'

/** Rows of each table after it has grown. */
const ROWS = 5_000

/** More than PostgreSQL needs to settle on one plan for a statement. */
const OFTEN = 8

const GROW = [
  `INSERT INTO sessions (id, project_id, owner, template, state, command, columns, rows, isolation, lifetime_seconds,
     idle_timeout_seconds, expires_at, ended_at, end_reason, exit)
   SELECT 'old' || n, 'p1', 'o', 't', 'ended', 'sh', 80, 24, 'none', 1, 0, now(), now(), 'exited', '{}'
   FROM generate_series(1, ${ROWS}) n`,
  `INSERT INTO runners (id, driver, policy, state, session_id, ended_at)
   SELECT 'run' || id, 'process', 'test', 'ended', id, now() FROM sessions WHERE state = 'ended'`,
  `INSERT INTO session_tokens SELECT 'jti' || id, id, 'driver', now() + interval '1 day' FROM sessions WHERE state = 'ended'`,
  `INSERT INTO session_events (seq, session_id, project_id, type, state, body)
   SELECT 0, id, 'p1', 'created', 'queued', '{}' FROM sessions WHERE state = 'ended'`,
] as const

async function rowsReadWhole(database: Database): Promise<number> {
  await database.query({ text: 'SELECT pg_stat_force_next_flush()' })
  const [row] = await database.query<{ rows: number }>({
    text: 'SELECT sum(seq_tup_read)::bigint AS rows FROM pg_stat_user_tables',
  })
  return row?.rows ?? 0
}

test('what was planned for small tables reads none as a whole when they have grown', async (t) => {
  const { database, open } = await testDatabase(t)
  const pool = open({ maxConnections: 1 })
  const store = createStore(pool)
  await store.projects.ensure('p1', 'One')
  const work: Readonly<Record<string, () => Promise<unknown>>> = {
    create: () => store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } })),
    redeem: async () => {
      const { token } = newSession()
      await store.tokens.mint('ses_none', token)
      assert.equal((await store.tokens.redeem(token.jti)).outcome, 'redeemed')
    },
    target: () => store.sessions.target('ses_none'),
    live: () => store.live(),
    liveSessions: () => store.sessions.live(),
    liveRunners: () => store.runners.live(),
    queued: () => store.sessions.queued(10),
    queuePosition: () => store.sessions.queuePosition('ses_none'),
    expired: () => store.sessions.expired(new Date(0), 10),
    prune: () => store.prune(),
  }
  for (const call of Object.values(work)) for (let n = 0; n < OFTEN; n += 1) await call()
  for (const text of GROW) await database.query({ text })

  for (const [name, call] of Object.entries(work)) {
    const before = await rowsReadWhole(pool)
    await call()
    const read = (await rowsReadWhole(pool)) - before
    assert.ok(read < ROWS / 2, `${name} read ${read} rows`)
  }
})

test('a redeem reads no table as a whole, whatever the database says about plans', async (t) => {
  const { database, open, connectionString } = await testDatabase(t)
  const options = encodeURIComponent('-c plan_cache_mode=force_generic_plan')
  const pool = open({ maxConnections: 1, connectionString: `${connectionString}&options=${options}` })
  const store = createStore(pool)
  await store.projects.ensure('p1', 'One')
  const redeem = async (): Promise<void> => {
    const { token } = newSession()
    await store.tokens.mint('ses_none', token)
    assert.equal((await store.tokens.redeem(token.jti)).outcome, 'redeemed')
  }
  for (let n = 0; n < OFTEN; n += 1) await redeem()
  for (const text of GROW.slice(0, 3)) await database.query({ text })

  const before = await rowsReadWhole(pool)
  await redeem()
  assert.ok((await rowsReadWhole(pool)) - before < ROWS / 2)
})

test('planner settings are those of single statements, not of the pool', async (t) => {
  const { open } = await testDatabase(t)
  const pool = open({ maxConnections: 1 })
  const store = createStore(pool)
  await store.projects.ensure('p1', 'One')
  await store.tokens.redeem('jti_none')
  await store.prune()
  await store.live()
  const changed = await pool.query({
    text: `SELECT name, setting FROM pg_settings WHERE category LIKE 'Query Tuning%' AND source NOT IN ('default', 'command line')`,
  })
  assert.deepEqual(changed, [])
})

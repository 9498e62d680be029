import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Database } from '../../src/store/database.ts'
import { createStore } from '../../src/store/store.ts'
import { testDatabase } from '../support/database.ts'
import { newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'

test('a reader that follows the numbers misses nothing while many write', async (t) => {
  const { store, open } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const writers = Array.from({ length: 8 }, () => createStore(open({ maxConnections: 2 })))
  const perWriter = 40
  const written = new AbortController()

  const seen: number[] = []
  const read = async (): Promise<void> => {
    const events = await store.events.after(seen.at(-1) ?? 0, { project: 'p1' }, 7)
    seen.push(...events.map(({ seq }) => seq))
  }
  const reading = (async () => {
    while (!written.signal.aborted) await read()
  })()
  await Promise.all(
    writers.map(async (writer) => {
      for (let i = 0; i < perWriter; i += 1) {
        const { info } = await writer.sessions.create(newSession())
        await writer.sessions.recordPhase(info.id, { phase: 'queued', queuePosition: i + 1 })
      }
    }),
  )
  written.abort()
  await reading
  for (let before = -1; before !== seen.length;) {
    before = seen.length
    await read()
  }

  const all = await store.events.after(0, { project: 'p1' }, 10_000)
  assert.equal(all.length, writers.length * perWriter * 2)
  assert.deepEqual(
    seen,
    all.map(({ seq }) => seq),
  )
  assert.equal(await store.events.lastSeq(), all.at(-1)?.seq)
})

/** True when a statement in this database waits for a lock that another holds. */
async function isAnyoneWaiting(database: Database): Promise<boolean> {
  const text = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  return (await database.query({ text })).length > 0
}

test('a number is not visible before every smaller one', async (t) => {
  const { store, database, open } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const one = (await store.sessions.create(newSession())).info.id
  const two = (await store.sessions.create(newSession())).info.id
  const insert = (id: string): { text: string; values: unknown[] } => ({
    text: `INSERT INTO session_events (session_id, project_id, type, state, body) VALUES ($1, 'p1', 'running', 'running', '{}')`,
    values: [id],
  })
  const other = open()
  const start = await store.events.lastSeq()
  let second: Promise<unknown> = Promise.resolve()
  await database.transaction(async (transaction) => {
    await transaction.query(insert(one))
    // It gets the greater number, so it has to wait for the commit of the smaller one.
    second = other.query(insert(two))
    const settled = second.then(() => 'done')
    const waits = waitFor(() => isAnyoneWaiting(database), { what: 'the second insert to wait for a lock' })
    assert.equal(await Promise.race([settled, waits.then(() => 'waiting')]), 'waiting')
    assert.deepEqual(await store.events.after(start, { project: 'p1' }), [])
  })
  await second
  const events = await store.events.after(start, { project: 'p1' })
  assert.deepEqual(
    events.map(({ sessionId }) => sessionId),
    [one, two],
  )
})

test('events are read by session, by project and by owner', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await store.projects.ensure('p2', 'Two')
  const ann = (await store.sessions.create(newSession())).info.id
  const bob = (await store.sessions.create(newSession({ session: { owner: 'bob' } }))).info.id
  const other = (await store.sessions.create(newSession({ session: { project: 'p2' } }))).info.id
  const ids = async (filter: Parameters<typeof store.events.after>[1]): Promise<string[]> =>
    (await store.events.after(0, filter)).map(({ sessionId }) => sessionId)

  assert.deepEqual(await ids({ sessionId: bob }), [bob])
  assert.deepEqual(await ids({ project: 'p1' }), [ann, bob])
  assert.deepEqual(await ids({ project: 'p1', owner: 'bob' }), [bob])
  assert.deepEqual(await ids({ project: 'p2' }), [other])
})

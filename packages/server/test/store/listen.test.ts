import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listenForEvents } from '../../src/store/listen.ts'
import { testDatabase } from '../support/database.ts'
import { blankRunner, newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'

const QUICK = { first: 5, longest: 50 }

test('a session wakes its own subscribers and those of all sessions, until they unsubscribe', async (t) => {
  const { store, connectionString } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const hints = listenForEvents({ connectionString })
  t.after(() => hints.close())
  await hints.ready
  assert.equal(hints.check(), null)
  const mine: (string | null)[] = []
  const all: (string | null)[] = []
  const { id } = (await store.sessions.create(newSession())).info
  const off = hints.subscribe(id, (sessionId) => mine.push(sessionId))
  hints.subscribe('*', (sessionId) => all.push(sessionId))

  const other = (await store.sessions.create(newSession())).info.id
  await store.sessions.recordPhase(id, { phase: 'queued', queuePosition: 1 })
  await waitFor(() => mine.length > 0 && all.includes(other) && all.includes(id), { what: 'both are woken' })
  assert.deepEqual(new Set(mine), new Set([id]))

  off()
  off()
  mine.length = 0
  all.length = 0
  await store.sessions.recordPhase(id, { phase: 'queued', queuePosition: 2 })
  await waitFor(() => all.length > 0, { what: 'the other is woken' })
  assert.deepEqual(mine, [])
})

test('a recorded assignment wakes the session although it writes no event', async (t) => {
  const { store, connectionString } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const hints = listenForEvents({ connectionString })
  t.after(() => hints.close())
  const runnerId = await blankRunner(store)
  const { id } = (
    await store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } }))
  ).info
  await hints.ready
  let woken = 0
  hints.subscribe(id, () => (woken += 1))

  await store.runners.markAssigned(runnerId, id)
  await waitFor(() => woken > 0, { what: 'the session is woken' })
})

test('after a lost connection every subscriber is told to read again, ten thousand of them', async (t) => {
  const { database, connectionString } = await testDatabase(t)
  const hints = listenForEvents({ connectionString, backoffMs: QUICK })
  t.after(() => hints.close())
  await hints.ready
  const woken = new Set<number>()
  for (let i = 0; i < 10_000; i += 1) {
    hints.subscribe(`ses_${i}`, (sessionId) => {
      if (sessionId === null) woken.add(i)
    })
  }
  hints.subscribe('ses_0', () => {
    throw new Error('one that fails')
  })

  await database.query({
    text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'cliscale-listen%'
      AND datname = current_database()`,
  })

  await waitFor(() => woken.size === 10_000, { what: 'all are told' })
  assert.equal(hints.check(), null)
})

test('a listener that finds no database waits for it and says so', async (t) => {
  const { database, connectionString } = await testDatabase(t)
  const name = /\/(test_[0-9a-f]+)/.exec(connectionString)?.[1] ?? ''
  const hints = listenForEvents({
    connectionString: connectionString.replace(name, `${name}_x`),
    backoffMs: QUICK,
  })
  t.after(() => hints.close())
  assert.match(hints.check() ?? '', /being made again/)

  await database.query({ text: `CREATE DATABASE ${name}_x` })
  await hints.ready
  assert.equal(hints.check(), null)
  await hints.close()
  await hints.close()
  await database.query({ text: `DROP DATABASE ${name}_x` })
})

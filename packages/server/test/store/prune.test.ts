import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabase } from '../support/database.ts'
import { blankRunner, newId, newSession } from '../support/sessions.ts'

const EXIT = { code: 0, signal: null, reason: 'exited' } as const

test('what is over its time goes, batch by batch, and what lives stays', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const live = (await store.sessions.create(newSession())).info.id
  for (let i = 0; i < 5; i += 1) {
    const { id } = (await store.sessions.create(newSession())).info
    await store.sessions.transition({ id, from: ['queued'], move: { to: 'ended', exit: EXIT } })
    await store.runners.end(await blankRunner(store))
    await store.tokens.mint(live, {
      jti: newId('jti'),
      role: 'driver',
      expiresAt: new Date(0),
      accessId: null,
    })
  }
  await store.loginCodes.create({ hash: new Uint8Array([1]), project: 'p1', expiresAt: new Date(0) })

  const kept = await store.prune()
  assert.deepEqual(kept, { tokens: 5, loginCodes: 1, events: 0, runners: 0, sessions: 0 })

  const now = { tokensMs: 0, sessionsMs: 0, eventsMs: 0, runnersMs: 0, batch: 3 }
  assert.deepEqual(await store.prune(now), { tokens: 0, loginCodes: 0, events: 3, runners: 3, sessions: 3 })
  await store.prune(now)
  assert.deepEqual(await store.prune(now), { tokens: 0, loginCodes: 0, events: 0, runners: 0, sessions: 0 })
  assert.ok(await store.sessions.find(live))
  assert.equal(
    (await store.events.after(0, { sessionId: live })).length,
    1,
    'the latest event of a session stays',
  )
})

test('a session stays as long as a runner of its own lives', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const runnerId = await blankRunner(store)
  const { id } = (
    await store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } }))
  ).info
  await store.sessions.transition({ id, from: ['scheduled'], move: { to: 'ended', exit: EXIT } })

  assert.equal((await store.prune({ sessionsMs: 0 })).sessions, 0)
  await store.runners.end(runnerId)
  assert.equal((await store.prune({ sessionsMs: 0 })).sessions, 1)
})

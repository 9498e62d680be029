import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../src/store/store.ts'
import { testDatabase } from '../support/database.ts'
import { blankRunner, newId, newSession } from '../support/sessions.ts'

test('a runner that is started for a session is claimed when it is up, a spare one is blank', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())
  const [own, spare] = [newId('run'), newId('run')]

  assert.equal(
    (await store.runners.insert({ id: own, driver: 'process', policy: 'test', sessionId: info.id }))?.state,
    'creating',
  )
  assert.equal(
    (await store.runners.insert({ id: spare, driver: 'process', policy: 'test', sessionId: null }))?.state,
    'creating',
  )
  assert.equal((await store.runners.markUp(own, { address: 'unix:/a', externalId: '1' }))?.state, 'claimed')
  const blank = await store.runners.markUp(spare, { address: 'tcp:h:1', externalId: '2' })
  assert.equal(blank?.state, 'blank')
  assert.equal(blank.address, 'tcp:h:1')
  assert.equal(await store.runners.markUp(spare, { address: 'tcp:h:1', externalId: '2' }), null)
  assert.deepEqual(
    (await store.runners.live()).map(({ id }) => id),
    [own, spare],
  )
})

test('of ten runners that are asked for one waiting session at once one is written', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())

  const made = await Promise.all(
    Array.from({ length: 10 }, () =>
      store.runners.insert({ id: newId('run'), driver: 'process', policy: 'test', sessionId: info.id }),
    ),
  )

  assert.equal(made.filter(Boolean).length, 1)
  assert.equal((await store.runners.live()).length, 1)
  assert.equal((await store.sessions.find(info.id))?.attempts, 1)
})

test('of ten claims for one session, and of ten sessions for one runner, one succeeds', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const sessions = await Promise.all(Array.from({ length: 10 }, () => store.sessions.create(newSession())))
  const first = sessions[0]!.info.id
  for (let i = 0; i < 3; i += 1) await blankRunner(store)

  const same = await Promise.all(
    Array.from({ length: 10 }, () =>
      store.runners.claimBlankFor(first, { driver: 'process', policy: 'test' }),
    ),
  )
  assert.equal(same.filter(Boolean).length, 1)
  const others = await Promise.all(
    sessions
      .slice(1)
      .map(({ info }) => store.runners.claimBlankFor(info.id, { driver: 'process', policy: 'test' })),
  )
  assert.equal(others.filter(Boolean).length, 2)
  assert.equal(
    await store.runners.claimBlankFor(sessions[9]!.info.id, { driver: 'process', policy: 'test' }),
    null,
  )
})

test('a claim and the retirement of a blank runner exclude each other', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  for (let round = 0; round < 10; round += 1) {
    const runnerId = await blankRunner(store)
    const { info } = await store.sessions.create(newSession())
    const [claimed, retired] = await Promise.all([
      store.runners.claimBlankFor(info.id, { driver: 'process', policy: 'test' }),
      store.runners.retireBlank(runnerId),
    ])
    assert.equal(claimed === null, retired)
    if (claimed) await store.runners.end(claimed.id)
  }
})

test('sessions and runners of one look fit together while sessions come and go', async (t) => {
  const { store, open } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const writer = createStore(open())
  const over = new AbortController()
  const exit = { code: 0, signal: null, reason: 'exited' } as const
  const writing = (async () => {
    while (!over.signal.aborted) {
      await blankRunner(writer)
      const { info } = await writer.sessions.create(
        newSession({ claimBlank: { driver: 'process', policy: 'test' } }),
      )
      const move = { to: 'ended', exit, runner: 'ended' } as const
      await writer.sessions.transition({ id: info.id, from: ['scheduled'], move })
    }
  })()
  let claimed = 0
  for (let look = 0; look < 300 || claimed < 10; look += 1) {
    const { sessions, runners } = await store.live()
    for (const { sessionId } of runners) {
      if (sessionId !== null) assert.ok(sessions.some(({ id }) => id === sessionId))
    }
    for (const { runnerId } of sessions) {
      if (runnerId !== null) assert.ok(runners.some(({ id }) => id === runnerId))
      claimed += 1
    }
  }
  over.abort()
  await writing
})

test('nothing is written under a lease that was lost', async (t) => {
  const { store } = await testDatabase(t)
  const lost = await store.leases.acquire('reconciler', 'a', 0)
  const held = await store.leases.acquire('reconciler', 'b', 60_000)
  assert.ok(lost && held)
  const insert = (epoch: number): Promise<unknown> =>
    store.runners.insert({
      id: newId('run'),
      driver: 'process',
      policy: 'test',
      sessionId: null,
      fence: { lease: 'reconciler', epoch },
    })

  assert.equal(await insert(lost.epoch), null)
  assert.ok(await insert(held.epoch))
  await store.leases.release(held)
  assert.equal(await insert(held.epoch), null)
})

test('an ended runner leaves the list and keeps why it went', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const id = await blankRunner(store)
  await store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } }))

  assert.equal(await store.runners.end(id, 'it went'), true)
  assert.equal(await store.runners.end(id), false)
  assert.deepEqual(await store.runners.live(), [])
  assert.equal((await store.runners.get(id))?.detail, 'it went')
})

test('a lease has one holder, grows its epoch with each, and is free after its time or its release', async (t) => {
  const { store } = await testDatabase(t)
  const attempts = await Promise.all(
    Array.from({ length: 10 }, (_, i) => store.leases.acquire('l', `h${i}`, 60_000)),
  )
  const held = attempts.find((lease) => lease !== null)
  assert.ok(held)
  assert.equal(attempts.filter(Boolean).length, 1)
  assert.equal(await store.leases.renew(held, 60_000), true)
  assert.equal(await store.leases.renew({ ...held, epoch: held.epoch - 1 }, 60_000), false)
  await store.leases.release(held)
  assert.equal(await store.leases.renew(held, 60_000), false)
  const next = await store.leases.acquire('l', 'next', 0)
  assert.equal(next?.epoch, held.epoch + 1)
  assert.equal((await store.leases.acquire('l', 'after', 60_000))?.epoch, held.epoch + 2)
})

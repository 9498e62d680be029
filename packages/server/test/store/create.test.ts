import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blankRunner, newId, newSession } from '../support/sessions.ts'
import { testDatabase } from '../support/database.ts'

test('a created session is queued, has its event and its token, and shows what was asked for', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const input = newSession({
    session: { args: ['-c', 'true'], metadata: { team: 'a' }, lifetimeSeconds: 60 },
  })

  const made = await store.sessions.create(input)

  assert.equal(made.created, true)
  assert.equal(made.runner, null)
  assert.equal(made.info.state, 'queued')
  assert.deepEqual(made.info.phase, { phase: 'queued' })
  assert.deepEqual(made.info.args, ['-c', 'true'])
  assert.deepEqual(made.info.metadata, { team: 'a' })
  const life = Date.parse(made.info.expiresAt) - Date.parse(made.info.createdAt)
  assert.ok(Math.abs(life - 60_000) <= 2, `the lifetime is ${life} ms`)
  const events = await store.events.after(0, { sessionId: made.info.id })
  assert.deepEqual(
    events.map(({ type, state }) => [type, state]),
    [['created', 'queued']],
  )
  assert.deepEqual(await store.sessions.readSealed(made.info.id), Buffer.from([1, 2, 3]))
  assert.equal((await store.tokens.redeem(input.token.jti)).outcome, 'redeemed')
  assert.deepEqual((await store.sessions.get('p1', made.info.id))?.info, made.info)
  assert.equal(await store.sessions.get('p2', made.info.id), null)
})

test('a created session claims the oldest blank runner of its driver', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const older = await blankRunner(store)
  await blankRunner(store)

  const other = await store.sessions.create(
    newSession({ claimBlank: { driver: 'kubernetes', policy: 'test' } }),
  )
  const made = await store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } }))

  assert.equal(other.runner, null)
  assert.equal(made.runner?.id, older)
  assert.equal(made.runner.sessionId, made.info.id)
  assert.equal(made.runner.state, 'claimed')
  assert.ok(made.runner.createdAt instanceof Date)
  assert.equal(made.info.state, 'scheduled')
  assert.equal(made.runnerId, older)
  assert.equal(made.attempts, 1)
})

test('twenty creates at once share ten blank runners, one each', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  for (let i = 0; i < 10; i += 1) await blankRunner(store)

  const made = await Promise.all(
    Array.from({ length: 20 }, () =>
      store.sessions.create(newSession({ claimBlank: { driver: 'process', policy: 'test' } })),
    ),
  )

  const runners = made.flatMap(({ runner }) => (runner ? [runner.id] : []))
  assert.equal(new Set(runners).size, runners.length)
  assert.equal(runners.length, 10)
  assert.ok((await store.runners.live()).every(({ state }) => state === 'claimed'))
})

test('of twenty creates with one idempotency key one makes the session and all answer with it', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await blankRunner(store)
  const idempotency = { key: 'again', digest: new Uint8Array([7]) }

  const made = await Promise.all(
    Array.from({ length: 20 }, () =>
      store.sessions.create(newSession({ idempotency, claimBlank: { driver: 'process', policy: 'test' } })),
    ),
  )

  assert.equal(made.filter(({ created }) => created).length, 1)
  assert.equal(new Set(made.map(({ info }) => info.id)).size, 1)
  assert.equal((await store.sessions.list({ project: 'p1' })).sessions.length, 1)
  assert.equal(made.filter(({ runner }) => runner).length, 1)
})

test('an idempotency key with another body is refused and claims nothing', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await store.projects.ensure('p2', 'Two')
  const key = 'again'
  await store.sessions.create(newSession({ idempotency: { key, digest: new Uint8Array([7]) } }))
  const blank = await blankRunner(store)

  const other = newSession({
    idempotency: { key, digest: new Uint8Array([8]) },
    claimBlank: { driver: 'process', policy: 'test' },
  })
  await assert.rejects(store.sessions.create(other), { code: 'IDEMPOTENCY_MISMATCH' })

  assert.equal((await store.runners.get(blank))?.state, 'blank')
  assert.equal((await store.tokens.redeem(other.token.jti)).outcome, 'used')
  const elsewhere = await store.sessions.create({ ...other, session: { ...other.session, project: 'p2' } })
  assert.equal(elsewhere.created, true, 'another project has keys of its own')
})

test('limits hold when more creates than allowed come at once', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const limits = { perOwner: 3, perProject: 5 }
  const create = (owner: string): Promise<unknown> =>
    store.sessions.create(newSession({ session: { owner }, limits }))

  const ann = await Promise.allSettled(Array.from({ length: 10 }, () => create('ann')))
  const bob = await Promise.allSettled(Array.from({ length: 10 }, () => create('bob')))

  assert.equal(ann.filter(({ status }) => status === 'fulfilled').length, 3)
  assert.equal(bob.filter(({ status }) => status === 'fulfilled').length, 2)
  for (const result of [...ann, ...bob]) {
    if (result.status === 'rejected') assert.equal((result.reason as { code: string }).code, 'QUOTA_EXCEEDED')
  }
  assert.equal(await store.sessions.countLive({ project: 'p1' }), 5)
  assert.equal(await store.sessions.countLive({ project: 'p1', owner: 'ann' }), 3)
})

test('a repeat with an idempotency key answers although the quota is full by then', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const idempotency = { key: newId('jti'), digest: new Uint8Array([7]) }
  const limits = { perOwner: 1, perProject: 1 }

  const made = await Promise.all(
    Array.from({ length: 8 }, () => store.sessions.create(newSession({ idempotency, limits }))),
  )

  assert.equal(new Set(made.map(({ info }) => info.id)).size, 1)
})

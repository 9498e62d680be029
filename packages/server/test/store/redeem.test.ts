import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createStore } from '../../src/store/store.ts'
import type { Redeemed } from '../../src/store/tokens.ts'
import { testDatabase } from '../support/database.ts'
import { blankRunner, newId, newSession } from '../support/sessions.ts'

const outcomes = (results: readonly Redeemed[]): string[] => results.map(({ outcome }) => outcome)
const soon = (): Date => new Date(Date.now() + 60_000)

test('of a hundred redeems of one token over four pools exactly one wins', async (t) => {
  const { store, open } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())
  const stores = Array.from({ length: 4 }, () => createStore(open({ maxConnections: 10 })))

  for (let round = 0; round < 5; round += 1) {
    const jti = newId('jti')
    await store.tokens.mint(info.id, { jti, role: 'observer', expiresAt: soon(), accessId: null })
    const results = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        // Every other caller waits for another turn, so that single and shared statements race.
        if (i % 2 === 0) await Promise.resolve()
        else await new Promise((resolve) => setImmediate(resolve))
        return (stores[i % 4] ?? store).tokens.redeem(jti)
      }),
    )
    assert.equal(outcomes(results).filter((outcome) => outcome === 'redeemed').length, 1)
    assert.equal(outcomes(results).filter((outcome) => outcome === 'used').length, 99)
  }
})

test('two processes that redeem the same many tokens in opposite orders share them without waiting for each other', async (t) => {
  const { store, open } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())
  const [one, two] = [createStore(open()), createStore(open())]
  const jtis = Array.from({ length: 200 }, () => newId('jti'))
  for (const jti of jtis)
    await store.tokens.mint(info.id, { jti, role: 'driver', expiresAt: soon(), accessId: null })

  const [there, back] = await Promise.all([
    Promise.all(jtis.map((jti) => one.tokens.redeem(jti))),
    Promise.all(jtis.toReversed().map((jti) => two.tokens.redeem(jti))),
  ])

  const won = outcomes([...there, ...back]).filter((outcome) => outcome === 'redeemed')
  assert.equal(won.length, jtis.length)
})

test('redeems of one turn share one statement and each caller gets its own answer', async (t) => {
  const { store, database } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const inputs = Array.from({ length: 5 }, () => newSession())
  for (const input of inputs) await store.sessions.create(input)
  let statements = 0
  const counted = createStore({
    ...database,
    query: (statement) => {
      statements += 1
      return database.query(statement)
    },
  })

  const results = await Promise.all(
    [...inputs.map(({ token }) => token.jti), inputs[0]!.token.jti, 'nobody'].map((jti) =>
      counted.tokens.redeem(jti),
    ),
  )

  assert.equal(statements, 1)
  assert.deepEqual(outcomes(results), [...inputs.map(() => 'redeemed'), 'used', 'used'])
  for (const [i, { session }] of inputs.entries()) {
    const result = results[i]
    assert.ok(result?.outcome === 'redeemed')
    assert.equal(result.sessionId, session.id)
    assert.equal(result.target?.id, session.id)
  }
})

test('a redeem tells where the session is and which runner to dial', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const runnerId = await blankRunner(store)
  const input = newSession({ claimBlank: { driver: 'process', policy: 'test' } })
  const { info } = await store.sessions.create(input)
  await store.runners.markAssigned(runnerId, info.id)

  const redeemed = await store.tokens.redeem(input.token.jti)

  assert.ok(redeemed.outcome === 'redeemed')
  const [created] = await store.events.after(0, { sessionId: info.id })
  assert.deepEqual(redeemed, {
    outcome: 'redeemed',
    sessionId: info.id,
    role: 'driver',
    target: {
      id: info.id,
      project: 'p1',
      state: 'scheduled',
      phase: { phase: 'scheduled' },
      exit: null,
      lastSeq: created?.seq,
      runner: { id: runnerId, driver: 'process', address: `unix:/run/${runnerId}`, assigned: true },
    },
    accessId: null,
  })
  assert.deepEqual(await store.sessions.target(info.id), redeemed.target)
})

test('an expired token says so until it is pruned, and is never redeemed', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const { info } = await store.sessions.create(newSession())
  const jti = newId('jti')
  await store.tokens.mint(info.id, {
    jti,
    role: 'driver',
    expiresAt: new Date(Date.now() - 1_000),
    accessId: null,
  })

  assert.equal((await store.tokens.redeem(jti)).outcome, 'expired')
  assert.equal((await store.tokens.redeem(jti)).outcome, 'expired')
  await store.prune({ tokensMs: 0 })
  assert.equal((await store.tokens.redeem(jti)).outcome, 'used')
})

test('a redeem that finds no database rejects every caller and leaves the token unused', async (t) => {
  const { store, open } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const input = newSession()
  await store.sessions.create(input)
  const away = createStore(open({ connectionString: 'postgresql://x@127.0.0.1:1/x' }))

  const results = await Promise.allSettled([away.tokens.redeem(input.token.jti), away.tokens.redeem('other')])

  for (const result of results) {
    assert.ok(result.status === 'rejected')
    assert.equal((result.reason as { code: string }).code, 'DATABASE_UNAVAILABLE')
  }
  assert.equal((await store.tokens.redeem(input.token.jti)).outcome, 'redeemed')
})

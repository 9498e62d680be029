import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDatabase } from '../support/database.ts'

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte)

test('an API key is found by its hash until it is revoked or over its time', async (t) => {
  const { store } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  const key = { project: 'p1', kind: 'api', name: 'ci', scopes: ['sessions:write'] } as const
  await store.apiKeys.create({ ...key, id: 'k1', hash: hash(1) })
  await store.apiKeys.create({ ...key, id: 'k2', hash: hash(2), expiresAt: new Date(Date.now() - 1) })

  assert.equal((await store.apiKeys.findByHash(hash(1)))?.id, 'k1')
  assert.equal(await store.apiKeys.findByHash(hash(2)), null)
  assert.equal(await store.apiKeys.findByHash(hash(3)), null)
  assert.equal(await store.apiKeys.revoke('p2', 'k1'), false)
  assert.equal(await store.apiKeys.revoke('p1', 'k1'), true)
  assert.equal(await store.apiKeys.revoke('p1', 'k1'), false)
  assert.equal(await store.apiKeys.findByHash(hash(1)), null)
  assert.deepEqual(
    (await store.apiKeys.list('p1')).map(({ id }) => id),
    ['k1', 'k2'],
  )
})

test('the use of a key is noted at most once a minute and lookups at once do not hinder each other', async (t) => {
  const { store, database } = await testDatabase(t)
  await store.projects.ensure('p1', 'One')
  await store.apiKeys.create({ id: 'k1', project: 'p1', kind: 'api', name: 'ci', scopes: [], hash: hash(1) })
  const lastUse = async (): Promise<Date | null> => (await store.apiKeys.list('p1'))[0]?.lastUsedAt ?? null

  const found = await Promise.all(Array.from({ length: 20 }, () => store.apiKeys.findByHash(hash(1))))
  assert.ok(found.every((key) => key?.id === 'k1'))
  const first = await lastUse()
  assert.ok(first)
  await store.apiKeys.findByHash(hash(1))
  assert.deepEqual(await lastUse(), first)
  await database.query({ text: `UPDATE api_keys SET last_used_at = now() - interval '2 minutes'` })
  await store.apiKeys.findByHash(hash(1))
  assert.ok(((await lastUse())?.getTime() ?? 0) >= first.getTime())
})

test('of ten redeems of one login code one gets the project', async (t) => {
  const { store } = await testDatabase(t)
  await store.loginCodes.create({ hash: hash(1), project: 'p1', expiresAt: new Date(Date.now() + 60_000) })
  await store.loginCodes.create({ hash: hash(2), project: 'p1', expiresAt: new Date(Date.now() - 1) })

  const results = await Promise.all(Array.from({ length: 10 }, () => store.loginCodes.redeem(hash(1))))
  assert.deepEqual(
    results.filter((project) => project !== null),
    ['p1'],
  )
  assert.equal(await store.loginCodes.redeem(hash(2)), null)
})

test('a signing key is published, becomes the only active one, retires and is deleted', async (t) => {
  const { store } = await testDatabase(t)
  const jwk = { kty: 'RSA', n: 'x', e: 'AQAB' }
  await store.signingKeys.publish('a', jwk)
  await store.signingKeys.publish('a', { kty: 'other' })
  await store.signingKeys.publish('b', jwk)
  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await store.signingKeys.list()).map(({ kid, state }) => [kid, state]))

  assert.equal(await store.signingKeys.activate('a'), true)
  assert.deepEqual(await states(), { a: 'active', b: 'pending' })
  assert.deepEqual((await store.signingKeys.list()).find(({ kid }) => kid === 'a')?.publicJwk, jwk)
  const both = await Promise.all([store.signingKeys.activate('b'), store.signingKeys.activate('b')])
  assert.deepEqual(both.toSorted(), [false, true])
  assert.deepEqual(await states(), { a: 'retired', b: 'active' })
  assert.equal(await store.signingKeys.activate('a'), false)
  assert.deepEqual(await store.signingKeys.deleteRetired(new Date(0)), [])
  assert.deepEqual(await store.signingKeys.deleteRetired(new Date(Date.now() + 1_000)), ['a'])
})

test('a project is made once and keeps its name', async (t) => {
  const { store } = await testDatabase(t)
  await Promise.all(Array.from({ length: 5 }, () => store.projects.ensure('p1', 'One')))
  assert.equal((await store.projects.ensure('p1', 'Other')).name, 'One')
  assert.equal((await store.projects.list()).length, 1)
  assert.equal(await store.projects.get('p2'), null)
})

import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { TokenIssuer, TokenVerifier } from '../../src/auth/session-tokens.ts'
import { decideRotation, ROTATION, type SigningKeyRecord } from '../../src/auth/signing-keys.ts'
import { KeyTable, keyRing } from '../support/signing.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const DAY = 86_400_000
const MINUTE = 60_000

test('the first start has an active key at once', async (t) => {
  const store = new KeyTable()
  const keys = keyRing(await temporaryFolder(t), { store })
  await keys.rotate()
  assert.deepEqual(
    store.keys.map(({ state }) => state),
    ['active'],
  )
  assert.equal(await keys.activeKid(), store.keys[0]?.kid)
})

test('over a year every token verifies for its life, keys change monthly, and old ones leave disk and table', async (t) => {
  const clock = { ms: Date.parse('2026-01-01') }
  const now = (): number => clock.ms
  const store = new KeyTable(now)
  const folder = await temporaryFolder(t)
  const keys = keyRing(folder, { store, now })
  const issuer = new TokenIssuer({ keys, issuer: 'x', now })
  const verifier = new TokenVerifier({ store, issuer: 'x', now })
  const seen = new Set<string>()
  await keys.rotate()
  for (let day = 0; day < 365; day += 1) {
    const { token } = await issuer.mint({ sessionId: 's', subject: 'a', role: 'driver', ttlSeconds: 600 })
    for (let step = 0; step < 3; step += 1) {
      await keys.rotate()
      await verifier.verify(token, 's')
      clock.ms += 3 * MINUTE
    }
    seen.add(await keys.activeKid())
    clock.ms += DAY - 9 * MINUTE
    await keys.rotate()
    assert.ok(store.keys.length <= 3)
  }
  assert.ok(seen.size >= 12 && seen.size <= 13, `${seen.size} keys in a year`)
  assert.equal((await readdir(folder)).length, store.keys.length)
})

test('a server without the private half of the active key makes its own', async (t) => {
  const store = new KeyTable()
  await keyRing(await temporaryFolder(t), { store }).rotate()
  const other = keyRing(await temporaryFolder(t), { store })
  await other.rotate()
  assert.deepEqual(store.keys.map(({ state }) => state).toSorted(), ['active', 'retired'])
  assert.equal(await other.activeKid(), store.keys.find(({ state }) => state === 'active')?.kid)
})

test('steps are never taken twice for the same rows, and a key is published before it signs', () => {
  const at = fc.integer({ min: 0, max: 40 * DAY })
  const key = fc.record({
    kid: fc.constantFrom('a', 'b', 'c', 'd'),
    state: fc.constantFrom('pending' as const, 'retired' as const),
    createdAt: at.map((ms) => new Date(ms)),
    changedAt: at.map((ms) => new Date(ms)),
  })
  const rows = fc.uniqueArray(key, { selector: ({ kid }) => kid, maxLength: 4 })
  fc.assert(
    fc.property(rows, at, (drawn, now) => {
      const zero = new Date(0)
      const active = {
        kid: 'active',
        state: 'active',
        publicJwk: {},
        createdAt: zero,
        activatedAt: zero,
        retiredAt: null,
      } as const
      const keys: SigningKeyRecord[] = [
        active,
        ...drawn.map(({ kid, state, createdAt, changedAt }) => ({
          kid,
          state,
          publicJwk: {},
          createdAt,
          activatedAt: null,
          retiredAt: state === 'retired' ? changedAt : null,
        })),
      ]
      const steps = decideRotation(now, keys, new Set(keys.map(({ kid }) => kid)))
      for (const step of steps) {
        if (step.type !== 'activate') continue
        const next = keys.find(({ kid }) => kid === step.kid)
        assert.equal(next?.state, 'pending')
        assert.ok(now - (next?.createdAt.getTime() ?? now) >= ROTATION.pendingMs)
        assert.ok(now >= ROTATION.activeMs)
      }
      assert.ok(steps.filter(({ type }) => type === 'create').length <= 1)
    }),
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addJwksRoute } from '../../src/auth/routes.ts'
import { startApp } from '../support/http-app.ts'
import { testDatabase } from '../support/database.ts'
import { waitFor } from '../support/wait-for.ts'

test('the keys are read once for many who ask at a time, again later, and again after a failure', async (t) => {
  const { store } = await testDatabase(t)
  let reads = 0
  let fails = false
  const keys = {
    list: async () => {
      reads += 1
      if (fails) throw new Error('away')
      return store.signingKeys.list()
    },
  }
  const { url } = await startApp(t, (app) => addJwksRoute(app, keys))
  const ask = async (): Promise<number> => (await fetch(`${url}/.well-known/jwks.json`)).status
  const statuses = await Promise.all(Array.from({ length: 50 }, ask))
  assert.deepEqual([new Set(statuses), reads], [new Set([200]), 1])
  fails = true
  await waitFor(async () => (await ask()) === 500, { what: 'another look' })
  fails = false
  assert.equal(await ask(), 200)
})

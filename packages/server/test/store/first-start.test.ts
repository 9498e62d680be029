import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensurePassword } from '../../src/store/embedded/cluster.ts'
import { claimOwnership, type Ownership } from '../../src/store/embedded/ownership.ts'
import { testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('of many first starts at once all get the same password', async (t) => {
  const dataDir = await temporaryFolder(t)
  const passwords = await Promise.all(Array.from({ length: 50 }, () => ensurePassword(dataDir, false)))
  assert.equal(new Set(passwords).size, 1)
  assert.equal(await ensurePassword(dataDir, true), passwords[0])
})

test('an owner whose connection is ended while it makes its database is told, and the next one owns the data', async (t) => {
  const { database, connectionString } = await testDatabase(t)
  const first = await owned(connectionString)
  const taken = await claimOwnership(connectionString)
  assert.deepEqual(taken, { kind: 'taken', by: String(process.pid) })

  await database.query({
    text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%owner'`,
  })
  await first.over
  assert.equal(await first.ensureDatabase('never_made'), false)
  await first.release()
  const next = await owned(connectionString)
  assert.equal(await next.ensureDatabase('postgres'), true)
  await next.release()
})

async function owned(connectionString: string): Promise<Ownership> {
  const claim = await claimOwnership(connectionString)
  if (claim.kind !== 'owned') assert.fail(`The data is ${claim.kind}.`)
  return claim.ownership
}

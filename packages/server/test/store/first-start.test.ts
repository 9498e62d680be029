import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensurePassword } from '../../src/store/embedded/cluster.ts'
import { startEmbeddedPostgres } from '../../src/store/embedded/embedded-postgres.ts'
import { claimOwnership, type Ownership } from '../../src/store/embedded/ownership.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { runSql } from '../support/run-sql.ts'
import { superuserAddress } from '../support/superuser.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

test('of many first starts at once all get the same password', async (t) => {
  const dataDir = await temporaryFolder(t)
  const passwords = await Promise.all(Array.from({ length: 50 }, () => ensurePassword(dataDir, false)))
  assert.equal(new Set(passwords).size, 1)
  assert.equal(await ensurePassword(dataDir, true), passwords[0])
})

test('an owner whose connection is ended while it makes its database is told, and the next one owns the data', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const postgres = await startEmbeddedPostgres({ dataDir })
  cleanup.after(() => postgres.stop())
  const { connectionString } = postgres
  const admin = await superuserAddress({ dataDir, connectionString }, 'postgres')
  // The lock of this database is free.
  await runSql(admin, 'CREATE DATABASE other')
  const address = await superuserAddress({ dataDir, connectionString }, 'other')
  const first = await owned(address)
  const taken = await claimOwnership(() => address)
  assert.deepEqual(taken, { kind: 'taken', by: String(process.pid) })

  await runSql(admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'other'`)
  await first.over
  const application = { role: 'app', password: 'secret', database: 'app' }
  assert.equal(await first.ensure(application), false)
  await first.release()
  const next = await owned(address)
  assert.equal(await next.ensure(application), true)
  assert.equal(await next.ensure(application), true)
  await next.release()
  assert.deepEqual(
    await runSql(
      admin,
      `SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname IN ('app', 'never_made')`,
    ),
    [{ owner: 'app' }],
  )
})

async function owned(address: string): Promise<Ownership> {
  const claim = await claimOwnership(() => address)
  if (claim.kind !== 'owned') assert.fail(`The data is ${claim.kind}.`)
  return claim.ownership
}

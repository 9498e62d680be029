import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrate } from '../../src/store/migrate.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { emptyDatabase } from '../support/database.ts'
import { runSql } from '../support/run-sql.ts'
import { callApi, cleanEnvironment, runCli, spawnServer } from '../support/spawn-server.ts'

const FREE = ['--port=0', '--internal-port=0'] as const

/** Every way into the database, with what it needs. */
const WAYS = [
  ['serve', ...FREE],
  ['serve', '--mode=controller', ...FREE],
  ['serve', '--mode=gateway', ...FREE],
  ['serve', '--mode=gateway', '--workers=2', ...FREE],
  ['migrate'],
  ['keys', 'list'],
  ['login', '--public-url=https://terminals.example.com'],
] as const

test('a database of a newer release is refused in every mode and by every command, with one sentence', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const address = await emptyDatabase(cleanup)
  await migrate(address)
  await runSql(address, `INSERT INTO cliscale.schema_migrations (name, run_on) VALUES ('9999_later', now())`)
  const env = cleanEnvironment({ DATABASE_URL: address, CLISCALE_LOG_FORMAT: 'json' })

  for (const way of WAYS) {
    const { code, stderr } = await runCli([...way, `--data-dir=${dataDir}`], env)
    assert.equal(code, 1, way.join(' '))
    assert.equal(
      stderr,
      'The schema cliscale was brought up to date by a newer release (9999_later); start that release.\n',
      way.join(' '),
    )
  }
})

test('commands beside a running server use its schema, and one database serves several', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  const env = { DATABASE_URL: address }
  const flags = ['--spare-runners=0']
  const one = await spawnServer(cleanup, { env, flags: [...flags, '--db-schema=one'] })
  const two = await spawnServer(cleanup, {
    env: { ...env, CLISCALE_DB_SCHEMA: 'two' },
    flags,
    apiKey: one.apiKey,
  })

  const list = await runCli(['keys', 'list', `--data-dir=${one.dataDir}`], cleanEnvironment())
  assert.match(list.stdout, /\ttest\t/)
  const other = await runCli(['keys', 'list', `--data-dir=${two.dataDir}`], cleanEnvironment())
  assert.deepEqual([other.stdout, other.code], ['', 0])
  const call = { method: 'GET', path: '/v1/sessions' }
  assert.equal((await callApi(one, call)).status, 200)
  assert.equal((await callApi(two, call)).status, 401)
  const schemas = await runSql(
    address,
    `SELECT schemaname AS name FROM pg_tables WHERE tablename = 'sessions' ORDER BY 1`,
  )
  assert.deepEqual(schemas, [{ name: 'one' }, { name: 'two' }])
})

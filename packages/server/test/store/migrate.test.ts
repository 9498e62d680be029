import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { migrate } from '../../src/store/migrate.ts'
import { openDatabase } from '../../src/store/database.ts'
import { emptyDatabase, testDatabase } from '../support/database.ts'
import { schemaFile } from '../support/dump-schema.ts'
import { committed } from '../support/generated.ts'

test('five processes that migrate at once apply each migration once', async (t) => {
  const connectionString = await emptyDatabase(t)
  const program = fileURLToPath(new URL('../support/migrate-once.ts', import.meta.url))

  const outputs = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const child = spawn(process.execPath, [...process.execArgv, program], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      child.stdin.end(connectionString)
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
      const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
      assert.equal(code, 0)
      return JSON.parse(output) as string[]
    }),
  )

  assert.deepEqual(
    outputs.filter((applied) => applied.length > 0),
    [
      [
        '0001_sessions',
        '0002_recordings',
        '0003_redeem',
        '0004_schema',
        '0005_runner_policy',
        '0006_idempotency_by_owner',
        '0007_installation',
        '0008_access',
      ],
    ],
  )
})

test('migrations wait for no one when there is nothing to do, and say so when the database is away', async (t) => {
  const { connectionString } = await testDatabase(t)
  assert.deepEqual(await migrate(connectionString), [])
  await assert.rejects(migrate('postgresql://x@127.0.0.1:1/x'), { code: 'DATABASE_UNAVAILABLE' })
})

test('the migrations make the schema that is written down beside them', async (t) => {
  const connectionString = await emptyDatabase(t)
  await migrate(connectionString)
  const database = openDatabase({ connectionString })
  t.after(() => database.close())

  const made = await schemaFile(database)
  assert.equal(
    await committed(made),
    made.content,
    'run `npm run generate -w packages/server` and look at the change',
  )
})

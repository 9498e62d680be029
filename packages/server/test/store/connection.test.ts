import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../src/store/database.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Variables that PostgreSQL's own programs or the package `pg` read, each with a value that would do harm. */
const FOREIGN = {
  PGHOST: '/nowhere',
  PGHOSTADDR: '203.0.113.1',
  PGPORT: '1',
  PGUSER: 'somebody',
  PGDATABASE: 'elsewhere',
  PGPASSWORD: 'wrong',
  PGOPTIONS: '-c search_path=pg_temp -c enable_indexscan=off -c statement_timeout=1',
  PGSSLMODE: 'require',
  PGSSLNEGOTIATION: 'direct',
  PGSSL: 'true',
  PGREPLICATION: 'database',
  PGCLIENT_ENCODING: 'LATIN1',
  PGCLIENTENCODING: 'LATIN1',
  PGAPPNAME: 'foreign',
  PGFALLBACK_APPLICATION_NAME: 'foreign',
  PGTZ: 'Asia/Kathmandu',
  PGDATESTYLE: 'German',
  PGCONNECT_TIMEOUT: '1',
  PGBINARY: 'true',
  PGSERVICE: 'none',
  PGSERVICEFILE: '/nowhere',
} as const

async function connect(connectionString: string, env: Readonly<Record<string, string>>): Promise<unknown> {
  const program = fileURLToPath(new URL('../support/connect-once.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...env },
  })
  child.stdin.end(connectionString)
  return JSON.parse(await text(child.stdout))
}

test('variables that are meant for other programs change no connection of the server', async (t) => {
  const { connectionString } = await testDatabase(t)
  const plain = await connect(connectionString, {})
  assert.ok(plain instanceof Object && !('error' in plain), JSON.stringify(plain))
  assert.deepEqual(await connect(connectionString, FOREIGN), plain)
  // Each of these by itself: some of them together only break the connection sooner.
  for (const name of ['PGOPTIONS', 'PGSSLMODE', 'PGREPLICATION', 'PGPASSWORD', 'PGAPPNAME'] as const)
    assert.deepEqual(await connect(connectionString, { [name]: FOREIGN[name] }), plain, `${name} counts`)
})

test('an embedded PostgreSQL starts as always, whatever variables there are', async (t) => {
  const cleanup = backwards(t)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const program = fileURLToPath(new URL('../support/embedded-server.ts', import.meta.url))
  const child = spawn(process.execPath, [...process.execArgv, program], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...FOREIGN, PGDATA: '/nowhere' },
  })
  cleanup.after(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
  })
  child.stdin.end(dataDir)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const { connectionString = '', error } = JSON.parse(line) as { connectionString?: string; error?: string }
  assert.equal(error, undefined)
  assert.ok(!('error' in ((await connect(connectionString, FOREIGN)) as object)))
})

test('a password is taken from the address alone', async (t) => {
  const { connectionString } = await testDatabase(t)
  const passwords = join(await temporaryFolder(t), 'pgpass')
  await writeFile(passwords, '*:*:*:*:tester\n')
  await chmod(passwords, 0o600)
  const without = connectionString.replace(':tester@', '@')
  const env = { PGPASSFILE: passwords, PGPASSWORD: 'tester' }

  const { error } = (await connect(without, env)) as { error?: string }
  assert.match(error ?? '', /password/)
  assert.ok(!('error' in ((await connect(connectionString, env)) as object)))
})

test('the options of an address keep what is theirs, and change nothing that statements rely on', async (t) => {
  const { open, connectionString } = await testDatabase(t)
  const options = encodeURIComponent(
    String.raw`-c work_mem=5MB -c DateStyle=German -c default_transaction_isolation=serializable -c timezone=Asia/Kathmandu`,
  )
  const database = open({ connectionString: `${connectionString}&options=${options}` })
  const [row] = await database.query({
    text: `SELECT current_setting('work_mem') AS memory, current_setting('transaction_isolation') AS isolation,
      '2026-01-02 03:04:05+00'::timestamptz AS time`,
  })
  assert.deepEqual(row, {
    memory: '5MB',
    isolation: 'read committed',
    time: new Date('2026-01-02T03:04:05Z'),
  })
})

test('settings of the role or the database change nothing that statements rely on', async (t) => {
  const { database, open } = await testDatabase(t)
  const [own] = await database.query<{ name: string }>({ text: 'SELECT current_database() AS name' })
  await database.query({ text: `ALTER DATABASE ${own?.name ?? ''} SET DateStyle = 'German'` })
  await database.query({
    text: `ALTER DATABASE ${own?.name ?? ''} SET default_transaction_isolation = 'serializable'`,
  })
  const [row] = await open().query({
    text: `SELECT current_setting('transaction_isolation') AS isolation, '2026-01-02 03:04:05+00'::timestamptz AS time`,
  })
  assert.deepEqual(row, { isolation: 'read committed', time: new Date('2026-01-02T03:04:05Z') })
})

test('an address that cannot be used is said in one sentence, without its password', () => {
  for (const address of [
    'postgresql://u:canary@[h/d',
    'postgresql://u:canary@h/d?sslrootcert=/nowhere/ca.pem',
  ])
    assert.throws(
      () => openDatabase({ connectionString: address }),
      (error: Error) =>
        error.name === 'SchemaError' &&
        /^The address of the database cannot be used \(.+\); check DATABASE_URL\.$/.test(error.message) &&
        !error.message.includes('canary'),
    )
})

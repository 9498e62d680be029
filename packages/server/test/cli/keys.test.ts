import assert from 'node:assert/strict'
import { test } from 'node:test'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { callApi, runCli, spawnServer } from '../support/spawn-server.ts'

test('keys are made, listed and revoked while the server runs', async (t) => {
  const cleanup = backwards(t)
  const env = { DATABASE_URL: (await testDatabase(cleanup)).connectionString }
  const { baseUrl, dataDir } = await spawnServer(cleanup, { env, flags: ['--spare-runners=0'] })
  const flags = [`--data-dir=${dataDir}`]
  const status = async (apiKey: string): Promise<number> =>
    (await callApi({ baseUrl, apiKey }, { method: 'GET', path: '/v1/sessions' })).status
  const made = await runCli(['keys', 'create', 'ci', ...flags])
  const key = made.stdout.trim()
  assert.match(key, /^csk_[\w-]{43}$/)
  assert.equal(await status(key), 200)
  const row = (await runCli(['keys', 'list', ...flags])).stdout
    .split('\n')
    .find((line) => line.includes('\tci\t'))
  assert.match(row ?? '', /sessions:read,sessions:write.*valid$/)
  assert.ok(!row?.includes(key))
  const id = row?.split('\t')[0] ?? ''
  assert.equal((await runCli(['keys', 'revoke', id, ...flags])).code, 0)
  assert.equal(await status(key), 401)
  const again = await runCli(['keys', 'revoke', id, ...flags])
  assert.equal(again.code, 1)
  assert.match(again.stderr, /^There is no valid key /)
})

test('a key that is made before the first start works after it', async (t) => {
  const dataDir = await dataFolder()
  const made = await runCli(['keys', 'create', 'early', `--data-dir=${dataDir}`])
  assert.equal(made.code, 0)
  const cleanup = backwards(t)
  cleanup.after(() => removeDataFolder(dataDir))
  const server = await spawnServer(cleanup, {
    dataDir,
    flags: ['--spare-runners=0'],
    apiKey: made.stdout.trim(),
  })
  assert.equal((await callApi(server, { method: 'GET', path: '/v1/sessions' })).status, 200)
})

test('scopes that do not exist are refused', async () => {
  const { code, stderr } = await runCli([
    'keys',
    'create',
    'x',
    '--scopes=everything',
    '--data-dir=/nonexistent/x',
  ])
  assert.equal(code, 2)
  assert.match(stderr, /--scopes holds sessions:read, sessions:write, admin/)
})

test('without a running server the database is brought up to date, and a login link is refused', async (t) => {
  const dataDir = await dataFolder()
  t.after(() => removeDataFolder(dataDir))
  const { code, stdout } = await runCli(['migrate', `--data-dir=${dataDir}`])
  assert.deepEqual([code, stdout], [0, 'The database is up to date.\n'])
  const login = await runCli(['login', `--data-dir=${dataDir}`])
  assert.equal(login.code, 1)
  assert.match(login.stderr, /^No server runs on .*; start one with: cliscale-server\n$/)
})

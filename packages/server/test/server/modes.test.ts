import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CreateSessionResponse, ErrorBody } from '@cliscale/sdk/protocol'
import { connectTerminal } from '../gateway/support/terminal-client.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { createLog } from '../../src/observability/log.ts'
import { createServer } from '../../src/server.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../support/data-folder.ts'
import { emptyDatabase } from '../support/database.ts'
import { startTestServer } from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

test('a controller and a gateway apart serve a terminal, and the gateway needs neither signing nor seal key', async (t) => {
  const cleanup = backwards(t)
  const controller = await startTestServer(cleanup, { flags: ['--mode=controller'] })
  const keys = join(controller.dataDir, 'keys')
  await rename(join(keys, 'signing'), join(keys, 'away'))
  await rename(join(keys, 'seal.key'), join(keys, 'seal.away'))
  const flags = [
    '--mode=gateway',
    '--port=0',
    '--internal-port=0',
    '--drain-seconds=0',
    `--data-dir=${controller.dataDir}`,
  ]
  const config = parseConfig(flags, { DATABASE_URL: controller.connectionString })
  const gateway = createServer(config, createLog({ level: 'silent' }))
  cleanup.after(() => gateway.close())
  await gateway.start()
  assert.equal(existsSync(join(keys, 'seal.key')), false)
  assert.equal(existsSync(join(keys, 'signing')), false)
  await rename(join(keys, 'away'), join(keys, 'signing'))
  await rename(join(keys, 'seal.away'), join(keys, 'seal.key'))

  const created = await controller.call('POST', '/v1/sessions', {
    command: 'sh',
    args: ['-c', 'echo apart; exit 4'],
  })
  const { terminal } = (await created.json()) as CreateSessionResponse
  const url = terminal.url.replace(new URL(controller.baseUrl).host, new URL(gateway.url).host)
  const client = connectTerminal(cleanup, url, { token: terminal.token })
  await waitFor(() => client.socket.readyState === client.socket.OPEN, { what: 'the handshake' })
  client.send({ type: 'hello', v: 1, client: crypto.randomUUID(), columns: 80, rows: 24, input: 0 })
  assert.equal((await client.got('exit')).exit.code, 4)
})

test('a gateway has no REST of sessions, a controller no terminals', async (t) => {
  const cleanup = backwards(t)
  const controller = await startTestServer(cleanup, { flags: ['--mode=controller', '--spare-runners=0'] })
  const flags = [
    '--mode=gateway',
    '--port=0',
    '--internal-port=0',
    '--drain-seconds=0',
    `--data-dir=${controller.dataDir}`,
  ]
  const config = parseConfig(flags, { DATABASE_URL: controller.connectionString })
  const gateway = createServer(config, createLog({ level: 'silent' }))
  cleanup.after(() => gateway.close())
  await gateway.start()
  const code = async (response: Response): Promise<string> =>
    ((await response.json()) as ErrorBody).error.code
  assert.equal(await code(await fetch(`${gateway.url}/v1/sessions`)), 'NOT_FOUND')
  assert.equal((await fetch(`${gateway.url}/readyz`)).status, 200)
  assert.match(await (await fetch(`${gateway.internalUrl}/metrics`)).text(), /cliscale_gateway_jwks_keys 1\n/)
  const path = '/v1/sessions/ses_0123456789abcdefghijkl/terminal'
  assert.equal(await code(await fetch(`${gateway.url}${path}`)), 'UPGRADE_REQUIRED')
  assert.equal(await code(await fetch(`${controller.baseUrl}${path}`)), 'NOT_FOUND')
  await assert.rejects(gateway.createConsoleLink(), /A gateway has no console/)
})

test('a gateway that is there before its controller is ready when the schema is', async (t) => {
  const cleanup = backwards(t)
  const address = await emptyDatabase(cleanup)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const flags = [
    '--mode=gateway',
    '--port=0',
    '--internal-port=0',
    '--drain-seconds=0',
    `--data-dir=${dataDir}`,
  ]
  const config = parseConfig(flags, { DATABASE_URL: address })
  const gateway = createServer(config, createLog({ level: 'silent' }))
  cleanup.after(() => gateway.close())
  await gateway.start()
  const early = await fetch(`${gateway.url}/readyz`)
  assert.equal(early.status, 503)
  assert.match(
    await early.text(),
    /The schema cliscale is not up to date; start a controller of this release/,
  )

  await startTestServer(cleanup, {
    flags: ['--mode=controller', '--spare-runners=0', `--data-dir=${dataDir}`],
    env: { DATABASE_URL: address },
  })
  await waitFor(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, { what: 'readiness' })
})

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { RunnerSecret } from '../../src/auth/runner-secret.ts'
import { Sealer } from '../../src/auth/sealer.ts'
import { newRunnerId } from '../../src/controller/ids.ts'
import { sealRecipe } from '../../src/controller/sealed-recipe.ts'
import type { Driver } from '../../src/drivers/driver.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { sessionBounds } from '../../src/config/session-bounds.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { createLog } from '../../src/observability/log.ts'
import type { Store } from '../../src/store/store.ts'
import { startUp } from '../drivers/driver.contract.ts'
import { backwards } from '../support/backwards.ts'
import { testDatabase } from '../support/database.ts'
import { newSession } from '../support/sessions.ts'
import { waitFor } from '../support/wait-for.ts'
import { startControllerApp } from './controller-app.ts'
import { sweep } from './new-controller.ts'

/** What a server that died left behind: rows, runners and folders, and no controller yet. */
interface Ruins {
  readonly store: Store
  readonly driver: Driver
  readonly dataFolder: string
  /** A session that waits for `command`. */
  queued(command: string, args?: readonly string[]): Promise<string>
  /** Starts a runner's program; the row is the caller's affair. */
  startRunner(runnerId: string): Promise<void>
  /** Begins the next life. */
  revive(): Promise<void>
}

async function newRuins(t: TestContext): Promise<Ruins> {
  const cleanup = backwards(t)
  const { connectionString, store } = await testDatabase(cleanup)
  const dataFolder = mkdtempSync(join(tmpdir(), 'cs-ruins-'))
  await store.projects.ensure('p1', 'One')
  const driver = await createProcessDriver({
    dataFolder,
    // A runner of another policy would not be taken up.
    limits: sessionBounds(parseConfig([], {})),
    log: createLog({ level: 'silent' }),
  })
  const secrets = await RunnerSecret.fromFile(join(dataFolder, 'keys', 'runner.key'))
  const sealer = await Sealer.fromFile(join(dataFolder, 'keys', 'seal.key'))
  cleanup.after(() => sweep(dataFolder))
  return {
    store,
    driver,
    dataFolder,
    queued: async (command, args = []) => {
      const call = newSession({ session: { command, args } })
      const recipe = { command, args, env: {}, columns: 80, rows: 24 }
      const { id } = call.session
      await store.sessions.create({ ...call, sealed: sealRecipe(sealer, id, recipe) })
      return id
    },
    startRunner: async (runnerId) => {
      await startUp(driver, { runnerId, secret: secrets.of(runnerId) })
    },
    revive: async () => {
      await driver.close()
      const app = await startControllerApp(connectionString, dataFolder)
      cleanup.after(() => app.close())
    },
  }
}

async function ended(
  ruins: Ruins,
  id: string,
): Promise<{ code: number | null | undefined; failure?: string }> {
  const record = await waitFor(
    async () => {
      const found = await ruins.store.sessions.find(id)
      return found?.info.state === 'ended' && found
    },
    { what: 'the session to end', withinMs: 30_000 },
  )
  const { exit, failure } = record.info
  return { code: exit?.code, ...(failure === null ? {} : { failure: failure.code }) }
}

test('a session that waited when the server died is started by the next one', async (t) => {
  const ruins = await newRuins(t)
  const id = await ruins.queued('sh', ['-c', 'exit 4'])
  await ruins.revive()
  assert.deepEqual(await ended(ruins, id), { code: 4 })
})

test('a runner whose row says creating and that is up gets its session', async (t) => {
  const ruins = await newRuins(t)
  const id = await ruins.queued('sh', ['-c', 'exit 5'])
  const runnerId = newRunnerId()
  await ruins.store.runners.insert({
    id: runnerId,
    driver: 'process',
    policy: ruins.driver.policy,
    sessionId: id,
  })
  await ruins.startRunner(runnerId)
  await ruins.revive()
  assert.deepEqual(await ended(ruins, id), { code: 5 })
  assert.equal((await ruins.store.sessions.find(id))?.runnerId, runnerId)
})

test('a session whose runner was never started gets another one', async (t) => {
  const ruins = await newRuins(t)
  const id = await ruins.queued('sh', ['-c', 'exit 6'])
  const runnerId = newRunnerId()
  await ruins.store.runners.insert({
    id: runnerId,
    driver: 'process',
    policy: ruins.driver.policy,
    sessionId: id,
  })
  await ruins.revive()
  assert.deepEqual(await ended(ruins, id), { code: 6 })
  assert.notEqual((await ruins.store.sessions.find(id))?.runnerId, runnerId)
})

test('a session that was being ended without a runner ends', async (t) => {
  const ruins = await newRuins(t)
  const id = await ruins.queued('sleep', ['1000'])
  const runnerId = newRunnerId()
  await ruins.store.runners.insert({
    id: runnerId,
    driver: 'process',
    policy: ruins.driver.policy,
    sessionId: id,
  })
  await ruins.startRunner(runnerId)
  const move = { to: 'ending', reason: 'killed' } as const
  await ruins.store.sessions.transition({ id, from: ['scheduled'], move })
  await ruins.revive()
  assert.deepEqual(await ended(ruins, id), { code: null })
  await waitFor(async () => (await ruins.driver.list()).length === 0, {
    what: 'the runner to be ended',
    withinMs: 20_000,
  })
})

test('runners and folders that the database does not know are ended and removed', async (t) => {
  const ruins = await newRuins(t)
  const [orphan, leftover] = [newRunnerId(), newRunnerId()]
  await ruins.startRunner(orphan)
  for (const kind of ['run', 'work']) mkdirSync(join(ruins.dataFolder, kind, leftover))
  await ruins.revive()
  await waitFor(async () => (await ruins.driver.list()).length === 0, { what: 'both to be gone' })
  assert.ok(!existsSync(join(ruins.dataFolder, 'work', leftover)))
})

test('of two controllers on one database one keeps order, and the other takes over at once when it leaves', async (t) => {
  const cleanup = backwards(t)
  const { connectionString, database, store } = await testDatabase(cleanup)
  await store.projects.ensure('p1', 'One')
  const dataFolder = mkdtempSync(join(tmpdir(), 'cs-ruins-'))
  cleanup.after(() => sweep(dataFolder))
  const first = await startControllerApp(connectionString, dataFolder)
  const second = await startControllerApp(connectionString, dataFolder)
  cleanup.after(() => second.close())
  const holder = async (): Promise<string | null> => {
    const rows = await database.query<{ holder: string | null }>({ text: 'SELECT holder FROM leases' })
    return rows[0]?.holder ?? null
  }
  const held = await holder()
  assert.ok(held)
  await first.close()
  await waitFor(async () => ![held, null].includes(await holder()), { what: 'the second to hold the lease' })
})

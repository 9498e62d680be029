import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { RunnerSecret } from '../../src/auth/runner-secret.ts'
import { Launcher } from '../../src/controller/launcher.ts'
import { newRunnerId } from '../../src/controller/ids.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { createLog } from '../../src/observability/log.ts'
import { backwards } from '../support/backwards.ts'
import { dataFolder } from '../support/data-folder.ts'
import { testDatabase } from '../support/database.ts'
import { sweep } from './new-controller.ts'

test('what would start a runner when the controller closes is told so at once, and starts none', async (t) => {
  const cleanup = backwards(t)
  const folder = await dataFolder()
  cleanup.after(() => sweep(folder))
  const log = createLog({ level: 'silent' })
  const driver = await createProcessDriver({ dataFolder: folder, isolation: 'none', log })
  cleanup.after(() => driver.close())
  const { store } = await testDatabase(cleanup)
  const runnerSecret = await RunnerSecret.fromFile(join(folder, 'runner.key'))
  const launcher = new Launcher({ store, driver, runnerSecret }, 1)
  const [first, inLine, late] = [newRunnerId(), newRunnerId(), newRunnerId()]
  const refused = [first, inLine].map((id) => assert.rejects(launcher.launch(id), { code: 'DRAINING' }))
  launcher.close()
  // A spare is counted in the database first, and launched when that has answered.
  refused.push(assert.rejects(launcher.launch(late), { code: 'DRAINING' }))
  await Promise.all(refused)
  assert.equal(launcher.busy, 0)
  const started = (await driver.list()).map(({ runnerId }) => runnerId)
  assert.ok(!started.includes(inLine) && !started.includes(late), started.join(', '))
})

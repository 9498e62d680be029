import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Driver } from '../../src/drivers/driver.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { createLog } from '../../src/observability/log.ts'
import { waitFor } from '../support/wait-for.ts'
import { newSpec, startUp } from './driver.contract.ts'

const BUILT = fileURLToPath(new URL('../../../runner/dist/main.js', import.meta.url))
const SOURCE = fileURLToPath(new URL('../../../runner/src/main.ts', import.meta.url))
const skip = process.getuid?.() !== 0 && 'only runners that root starts cannot keep what they compile'

interface Stand {
  readonly work: string
  open(): Promise<Driver>
}

function newStand(t: TestContext, runnerEntry = BUILT): Stand {
  const dataFolder = mkdtempSync(join(tmpdir(), 'cs-ahead-'))
  const drivers: Driver[] = []
  t.after(async () => {
    for (const driver of drivers) {
      for (const { runnerId } of await driver.list()) await driver.stop(runnerId, { graceMs: 0 })
      await driver.close()
    }
    rmSync(dataFolder, { recursive: true, force: true })
  })
  return {
    work: join(dataFolder, 'work'),
    open: async () => {
      const driver = await createProcessDriver({
        dataFolder,
        runnerEntry,
        log: createLog({ level: 'silent' }),
      })
      drivers.push(driver)
      return driver
    },
  }
}

function foldersOf({ work }: Stand, kind: string): readonly string[] {
  return readdirSync(work).filter((name) => name.startsWith(kind))
}

test(
  'what Node compiles of a runner is kept where session users read it and only the server writes',
  { skip },
  async (t) => {
    const stand = newStand(t)
    const driver = await stand.open()
    const [place = ''] = await waitFor(
      () => {
        const found = foldersOf(stand, 'compiled-').filter((name) => !name.includes('.'))
        return found.length > 0 && found
      },
      { what: 'the compiled code', withinMs: 30_000 },
    )
    const [release = ''] = readdirSync(join(stand.work, place))
    assert.match(release, /-0$/)
    const files = readdirSync(join(stand.work, place, release)).map((name) =>
      join(stand.work, place, release, name),
    )
    // Also of what a runner loads for its first session.
    assert.ok(files.length >= 8, files.join(', '))
    for (const path of [join(stand.work, place), join(stand.work, place, release), ...files]) {
      const { uid, mode } = statSync(path)
      assert.equal(uid, 0)
      assert.equal(mode & 0o022, 0, path)
      assert.equal(mode & 0o004, 0o004, path)
    }
    await waitFor(() => foldersOf(stand, 'trial-').length === 0, { what: 'the rehearsal to leave nothing' })
    const { externalId } = await startUp(driver, newSpec())
    const environment = readFileSync(`/proc/${externalId}/environ`, 'utf8').split('\0')
    assert.ok(environment.includes(`NODE_COMPILE_CACHE=${join(stand.work, place)}`), environment.join(' '))
  },
)

test(
  'a driver that is closed while code is compiled ahead ends that, and the next one does it',
  { skip },
  async (t) => {
    const stand = newStand(t)
    const first = await stand.open()
    await first.close()
    assert.deepEqual(foldersOf(stand, 'trial-'), [])
    assert.deepEqual(foldersOf(stand, 'compiled-'), [])
    await stand.open()
    await waitFor(
      () => foldersOf(stand, 'compiled-').length === 1 && foldersOf(stand, 'trial-').length === 0,
      {
        what: 'the next one to compile',
        withinMs: 30_000,
      },
    )
    assert.ok(existsSync(stand.work))
  },
)

test('what a checkout keeps compiled of its sources is used by runners from them, and by no others', async (t) => {
  const { NODE_COMPILE_CACHE: before } = process.env
  const place = mkdtempSync(join(tmpdir(), 'cs-kept-'))
  process.env.NODE_COMPILE_CACHE = relative(process.cwd(), place)
  t.after(() => {
    rmSync(place, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    if (before === undefined) delete process.env.NODE_COMPILE_CACHE
    else process.env.NODE_COMPILE_CACHE = before
  })
  const kept = `NODE_COMPILE_CACHE=${place}`
  for (const [entry, uses] of [
    [SOURCE, true],
    [BUILT, false],
  ] as const) {
    const driver = await newStand(t, entry).open()
    const { externalId } = await startUp(driver, newSpec())
    const environment = readFileSync(`/proc/${externalId}/environ`, 'utf8').split('\0')
    assert.equal(environment.includes(kept), uses, environment.join(' '))
  }
})

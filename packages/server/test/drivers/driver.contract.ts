import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { RUNNER_ID_HEADER, RUNNER_PATHS } from '@cliscale/sdk/protocol'
import type { Driver, ObservedRunner, RunnerSpec } from '../../src/drivers/driver.ts'
import { waitFor } from '../support/wait-for.ts'
import { askRunner } from './ask-runner.ts'

/** One place where runners run, for one test. */
export interface DriverBench {
  /** A driver of this place, as another life of the server would make it. */
  open(): Promise<Driver>
  /** Ends a runner's program from outside, without a word to the driver. */
  crash(runner: ObservedRunner): Promise<void>
  /** Runners' programs that run, whether or not the driver knows of them. */
  running(): Promise<readonly string[]>
}

/** The spec of a runner that nobody has started. */
export function newSpec(): RunnerSpec {
  return {
    runnerId: `run_${randomBytes(16).toString('base64url')}`,
    secret: randomBytes(32).toString('base64url'),
  }
}

/** Starts a runner and waits until the driver says that it is up. */
export async function startUp(driver: Driver, spec: RunnerSpec): Promise<ObservedRunner> {
  const seen: ObservedRunner[] = []
  const unwatch = driver.watch((runner) => seen.push(runner))
  try {
    await driver.start(spec, AbortSignal.timeout(10_000))
    return await waitFor(
      () => seen.find((runner) => runner.runnerId === spec.runnerId && runner.state === 'up'),
      {
        what: 'the driver to tell that the runner is up',
      },
    )
  } finally {
    unwatch()
  }
}

async function nextTurn(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}

/** What every driver must do. */
export function driverContract(name: string, newBench: (t: TestContext) => Promise<DriverBench>): void {
  test(`${name}: a runner that was started is told to be up and answers at its address`, async (t) => {
    const driver = await (await newBench(t)).open()
    const spec = newSpec()
    const runner = await startUp(driver, spec)
    assert.ok(runner.address !== null)
    assert.equal((await askRunner(runner.address, RUNNER_PATHS.health)).status, 200)
    const asked = await askRunner(runner.address, RUNNER_PATHS.status, {
      authorization: `Bearer ${spec.secret}`,
      [RUNNER_ID_HEADER]: spec.runnerId,
    })
    assert.equal(asked.status, 200)
    assert.equal((JSON.parse(asked.body) as { runnerId: string }).runnerId, spec.runnerId)
  })

  test(`${name}: a runner refuses who does not know its secret`, async (t) => {
    const driver = await (await newBench(t)).open()
    const spec = newSpec()
    const runner = await startUp(driver, spec)
    assert.ok(runner.address !== null)
    const headers = { authorization: 'Bearer wrong', [RUNNER_ID_HEADER]: spec.runnerId }
    assert.equal((await askRunner(runner.address, RUNNER_PATHS.status, headers)).status, 401)
  })

  test(`${name}: starting the same id again finds the same runner`, async (t) => {
    const driver = await (await newBench(t)).open()
    const spec = newSpec()
    const [one, two] = await Promise.all([
      driver.start(spec, AbortSignal.timeout(10_000)),
      driver.start(spec, AbortSignal.timeout(10_000)),
    ])
    const three = await driver.start(spec, AbortSignal.timeout(10_000))
    assert.equal(one.externalId, two.externalId)
    assert.equal(one.externalId, three.externalId)
    assert.equal((await driver.list()).length, 1)
  })

  test(`${name}: an aborted start leaves nothing behind`, async (t) => {
    const driver = await (await newBench(t)).open()
    const spec = newSpec()
    await assert.rejects(driver.start(spec, AbortSignal.abort()))
    assert.equal(await driver.inspect(spec.runnerId), null)
    assert.deepEqual(await driver.list(), [])
  })

  test(`${name}: a stop in the middle of a start leaves nothing behind, wherever it comes`, async (t) => {
    const bench = await newBench(t)
    const driver = await bench.open()
    // At once, so that each step of one waits for the others.
    const moments = Array.from({ length: 24 }, (_, index) => index * 2)
    await Promise.all(
      moments.map(async (afterMs) => {
        const spec = newSpec()
        const starting = driver.start(spec, AbortSignal.timeout(20_000))
        for (const begun = performance.now(); performance.now() - begun < afterMs;) await nextTurn()
        const [, stopped] = await Promise.allSettled([starting, driver.stop(spec.runnerId, { graceMs: 0 })])
        assert.equal(stopped.status, 'fulfilled')
        assert.equal(await driver.inspect(spec.runnerId), null, `stopped after ${afterMs} ms`)
      }),
    )
    assert.deepEqual(await driver.list(), [])
    assert.deepEqual(await bench.running(), [])
  })

  test(`${name}: a driver that is closed starts nothing more`, async (t) => {
    const bench = await newBench(t)
    const driver = await bench.open()
    const spec = newSpec()
    const starting = driver.start(spec, AbortSignal.timeout(10_000))
    await driver.close()
    await starting
    await assert.rejects(driver.start(newSpec(), AbortSignal.timeout(10_000)), { code: 'DRAINING' })
    const next = await bench.open()
    assert.deepEqual(
      (await next.list()).map(({ runnerId }) => runnerId),
      [spec.runnerId],
    )
  })

  test(`${name}: list and inspect know every runner, and none that never was`, async (t) => {
    const driver = await (await newBench(t)).open()
    const specs = [newSpec(), newSpec(), newSpec()]
    await Promise.all(specs.map((spec) => startUp(driver, spec)))
    const listed = new Map((await driver.list()).map(({ runnerId, state }) => [runnerId, state]))
    assert.deepEqual(listed, new Map([...listed.keys()].map((id) => [id, 'up'])))
    assert.deepEqual(new Set(listed.keys()), new Set(specs.map(({ runnerId }) => runnerId)))
    assert.equal((await driver.inspect(specs[0]!.runnerId))?.state, 'up')
    assert.equal(await driver.inspect(newSpec().runnerId), null)
  })

  test(`${name}: stop ends a runner, also twice at once, and an unknown one is gone already`, async (t) => {
    const driver = await (await newBench(t)).open()
    const spec = newSpec()
    const { address } = await startUp(driver, spec)
    await Promise.all([
      driver.stop(spec.runnerId, { graceMs: 2_000 }),
      driver.stop(spec.runnerId, { graceMs: 2_000 }),
    ])
    await driver.stop(spec.runnerId, { graceMs: 2_000 })
    await driver.stop(newSpec().runnerId, { graceMs: 0 })
    assert.equal(await driver.inspect(spec.runnerId), null)
    await assert.rejects(askRunner(address!, RUNNER_PATHS.health))
  })

  test(`${name}: a runner that dies is told to be gone, and stop frees what it left`, async (t) => {
    const bench = await newBench(t)
    const driver = await bench.open()
    const spec = newSpec()
    const runner = await startUp(driver, spec)
    const seen: ObservedRunner[] = []
    driver.watch((change) => seen.push(change))
    await bench.crash(runner)
    const gone = await waitFor(() => seen.find(({ state }) => state === 'gone'), {
      what: 'the news of its end',
    })
    assert.equal(gone.runnerId, spec.runnerId)
    assert.ok(gone.detail)
    assert.equal((await driver.inspect(spec.runnerId))?.state, 'gone')
    await driver.stop(spec.runnerId, { graceMs: 0 })
    assert.deepEqual(await driver.list(), [])
  })

  test(`${name}: runners outlive the driver, and another one finds and ends them`, async (t) => {
    const bench = await newBench(t)
    const first = await bench.open()
    const spec = newSpec()
    const { externalId, address } = await startUp(first, spec)
    await first.close()
    const second = await bench.open()
    const [found] = await second.list()
    assert.deepEqual(
      { id: found?.runnerId, externalId: found?.externalId, address: found?.address, state: found?.state },
      { id: spec.runnerId, externalId, address, state: 'up' },
    )
    assert.equal((await second.start(spec, AbortSignal.timeout(10_000))).externalId, externalId)
    await second.stop(spec.runnerId, { graceMs: 2_000 })
    assert.deepEqual(await second.list(), [])
  })

  test(`${name}: nobody is called back after unwatch`, async (t) => {
    const driver = await (await newBench(t)).open()
    const seen: ObservedRunner[] = []
    const unwatch = driver.watch((runner) => seen.push(runner))
    unwatch()
    unwatch()
    await startUp(driver, newSpec())
    assert.deepEqual(seen, [])
  })
}

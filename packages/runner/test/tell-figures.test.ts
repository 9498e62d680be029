import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { RunnerFigures } from '@cliscale/sdk/protocol'

import { startRunner, type TestRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

async function figuresOf(runner: TestRunner): Promise<RunnerFigures> {
  const { figures } = await runner.status()
  assert.ok(figures)
  return figures
}

test('a runner counts how terminals were brought up to date, and what they lacked', async (t) => {
  const runner = await startRunner(t)
  const { events } = runner.follow()
  await runner.assignScript("read go; seq -f '%09.0f' 1 1000; read stay")
  const client = 'one-terminal-object'
  const first = await runner.connect({ client })
  const { epoch } = await first.attached()
  first.type('\r')
  await waitFor('all output', () => first.offset > 11_000)
  const missing = 5_000
  first.cut()
  const second = await runner.connect({ client, resume: { epoch, offset: first.offset - missing } })
  assert.equal((await second.attached()).mode, 'delta')
  const observer = await runner.connect({ role: 'observer' })
  await observer.attached()
  const figures = await figuresOf(runner)
  assert.deepEqual(figures.resumes, { fresh: 2, delta: 1, snapshot: 0, failed: 0 })
  assert.deepEqual(figures.gaps, [0, 0, 1, 0, 0, 0, 0, 0])
  assert.equal(figures.gapBytes, missing)
  assert.equal(figures.replayedBytes, missing + first.offset)
  assert.equal(figures.ringBytes, first.offset)
  assert.deepEqual(figures.clients, { driver: 1, observer: 1 })
  const told = (): boolean =>
    events.some((event) => event.type === 'figures' && event.figures.clients.observer === 1)
  await waitFor('the figures on the stream', told)
})

test('a runner counts how long it held the program, and what its driver has not confirmed', async (t) => {
  const runner = await startRunner(t)
  const { events } = runner.follow()
  await runner.assignScript('yes')
  const driver = await runner.connect({ autoCredit: false })
  await driver.attached()
  await waitFor('a hold of half a second', async () => (await figuresOf(runner)).pausedMs > 500)
  const held = await figuresOf(runner)
  assert.ok(held.unackedBytes >= 262_144 && held.unackedBytes < 524_288, `${held.unackedBytes}`)
  driver.cut()
  await runner.request('POST', '/v1/stop', { reason: 'killed', graceMs: 100 })
  await waitFor('the exit', () => events.some(({ type }) => type === 'exit'))
  const before = events.slice(
    0,
    events.findIndex(({ type }) => type === 'exit'),
  )
  const last = before.findLast((event) => event.type === 'figures')
  assert.ok(last && last.figures.pausedMs >= held.pausedMs)
})

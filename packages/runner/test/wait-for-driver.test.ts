import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'

import { CREDIT_WINDOW_BYTES } from '@cliscale/sdk/protocol'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

const FLOOD = 'stty raw -echo; echo ready; read go; head -c 3000000 /dev/zero; echo the-end; sleep 1000'

test('a driver whose connection broke finds a faster program than the ring waiting, and loses no byte', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(FLOOD)
  const client = randomUUID()
  const first = await runner.connect({ client, autoCredit: false })
  const { epoch } = await first.attached()
  await first.shows('ready')
  first.type('\n')
  await waitFor('output', () => first.offset > 65_536)
  const { offset } = first
  first.cut()
  await waitFor('the runner to notice', async () => (await runner.status()).clients.driver === 0)
  const held = (await runner.status()).outputOffset
  assert.ok(held < 2 * CREDIT_WINDOW_BYTES, `${held} bytes read ahead`)

  let bytes = offset
  let tail = ''
  const second = await runner.connect({
    client,
    resume: { epoch, offset },
    onOutput: (data) => {
      bytes += data.length
      tail = (tail + Buffer.from(data).toString()).slice(-16)
    },
  })
  assert.equal((await second.attached()).mode, 'delta')
  await waitFor('the end', () => tail.includes('the-end'))
  assert.equal(bytes, 3_000_000 + 'ready\nthe-end\n'.length)
})

test('a driver that took leave is not waited for', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(FLOOD)
  const driver = await runner.connect({ autoCredit: false })
  await driver.attached()
  await driver.shows('ready')
  driver.type('\n')
  await waitFor('output', () => driver.offset > 65_536)
  await driver.close(1001)
  await waitFor('the program to go on', async () => (await runner.status()).outputOffset > 3_000_000)
})

test('whoever takes the seat ends the wait for the one who had it', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(FLOOD)
  const first = await runner.connect({ autoCredit: false })
  await first.attached()
  await first.shows('ready')
  first.type('\n')
  await waitFor('output', () => first.offset > 65_536)
  first.cut()
  await waitFor('the runner to notice', async () => (await runner.status()).clients.driver === 0)
  const second = await runner.connect({ onOutput: () => undefined })
  await second.attached()
  await waitFor('the program to go on', async () => (await runner.status()).outputOffset > 3_000_000)
})

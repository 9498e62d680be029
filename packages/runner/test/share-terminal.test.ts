import assert from 'node:assert/strict'
import { test } from 'node:test'

import { startRunner } from './support/start-runner.ts'
import { waitFor } from './support/wait-for.ts'

test('the first client that may drive drives; others join without the seat and get it by asking', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat', columns: 80, rows: 24 })
  const first = await runner.connect({ columns: 100, rows: 40 })
  assert.equal((await first.attached()).driver, true)
  const second = await runner.connect({ columns: 60, rows: 20 })
  const ready = await second.attached()
  assert.deepEqual([ready.driver, ready.columns, ready.rows], [false, 100, 40])

  second.type('not mine\r')
  first.type('mine\r')
  await second.shows('mine')
  assert.equal(second.text.includes('not mine'), false)

  second.send({ type: 'drive' })
  const lost = await waitFor('the first to lose the seat', () =>
    first.messages.find((message) => message.type === 'size' && !message.driver),
  )
  assert.deepEqual(lost, { type: 'size', columns: 60, rows: 20, driver: false, clients: 2 })
  await waitFor('the second to drive', () =>
    second.messages.find((message) => message.type === 'size' && message.driver && message.columns === 60),
  )
  second.type('now mine\r')
  await first.shows('now mine')
})

test('input without the seat is acknowledged, so that offsets stay in step', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  await (await runner.connect()).attached()
  const second = await runner.connect({ client: 'b' })
  await second.attached()
  second.type('12345')
  assert.equal((await second.message('inputAck')).offset, 5)
})

test('an observer sees everything and may do nothing', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const driver = await runner.connect()
  await driver.attached()
  const observer = await runner.connect({ role: 'observer', columns: 10, rows: 5 })
  const ready = await observer.attached()
  assert.deepEqual([ready.role, ready.driver, ready.columns], ['observer', false, 80])
  driver.type('hello\r')
  await observer.shows('hello')
  assert.deepEqual((await runner.status()).clients, { driver: 1, observer: 1 })
  observer.type('x')
  assert.equal((await observer.message('error')).error.code, 'ROLE_REFUSED')
  await waitFor('the close', () => observer.closed)
  assert.equal(observer.closed?.code, 4403)
})

test("an observer with the driver's client id neither closes the driver nor moves its offsets", async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const driver = await runner.connect({ client: 'one' })
  await driver.attached()
  driver.type('before\r')
  await driver.shows('before')
  const observer = await runner.connect({ role: 'observer', client: 'one' })
  await observer.attached()
  observer.send({ type: 'credit', offset: 0 })
  driver.type('after\r')
  await observer.shows('after')
  assert.equal(driver.closed, undefined)
  assert.deepEqual((await runner.status()).clients, { driver: 1, observer: 1 })
  const again = await runner.connect({ role: 'observer', client: 'one' })
  await again.attached()
  await waitFor('the older observer to be closed', () => observer.closed)
  assert.equal(observer.closed?.code, 4409)
  assert.equal(driver.closed, undefined)
})

test('the seat waits for a driver whose connection broke, but not for one that left', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  const first = await runner.connect({ client: 'first' })
  const ready = await first.attached()
  const second = await runner.connect({ client: 'second' })
  await second.attached()
  const gone = async (): Promise<unknown> =>
    waitFor('all to be gone', async () => (await runner.status()).clients.driver === 0)
  first.cut()
  second.cut()
  await gone()
  // After a gateway's restart the clients return in any order.
  const secondAgain = await runner.connect({ client: 'second' })
  assert.equal((await secondAgain.attached()).driver, false)
  const firstAgain = await runner.connect({
    client: 'first',
    resume: { epoch: ready.epoch, offset: first.offset },
  })
  assert.equal((await firstAgain.attached()).driver, true)
  firstAgain.cut()
  secondAgain.cut()
  await gone()
  const stranger = await runner.connect({ client: 'a reloaded page' })
  assert.equal((await stranger.attached()).driver, true)
})

test('sizes are clamped, and the program hears of them', async (t) => {
  const runner = await startRunner(t)
  await runner.assignScript(`trap 'stty size' WINCH; stty size; while :; do sleep 0.02; done`)
  const terminal = await runner.connect({ columns: 90, rows: 30 })
  await terminal.shows('30 90')
  terminal.send({ type: 'resize', columns: 100_000, rows: 70_000 })
  await terminal.shows('500 1000')
  terminal.send({ type: 'resize', columns: 0, rows: 0 })
  await terminal.shows('1 1\r')
  const size = terminal.messages.findLast((message) => message.type === 'size')
  assert.deepEqual([size?.columns, size?.rows], [1, 1])
})

test('of many sizes in a row the last one holds', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'sh', env: { PS1: '$ ' } })
  const terminal = await runner.connect()
  await terminal.shows('$ ')
  for (let columns = 81; columns <= 140; columns++) terminal.send({ type: 'resize', columns, rows: 30 })
  await waitFor('the last size', () => terminal.messages.some((m) => m.type === 'size' && m.columns === 140))
  terminal.type('stty size\r')
  await terminal.shows('30 140')
  const told = terminal.messages.filter((message) => message.type === 'size').length
  assert.ok(told < 20, `${told} sizes were told`)
})

test('the sixty-fifth client is refused', async (t) => {
  const runner = await startRunner(t)
  await runner.assign({ command: 'cat' })
  for (let i = 0; i < 64; i++) await runner.connect({ role: 'observer' })
  const last = await runner.connect({ role: 'observer' })
  assert.equal((await last.message('error')).error.code, 'TOO_MANY_CLIENTS')
  await waitFor('the close', () => last.closed)
  assert.equal(last.closed?.code, 4429)
})

import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Cliscale, type Session, type Terminal } from '@cliscale/sdk'
import { backwards } from '../support/backwards.ts'
import { spawnServer } from '../support/spawn-server.ts'
import { waitFor } from '../support/wait-for.ts'

async function attach(t: TestContext, session: Session, columns: number): Promise<Terminal> {
  const terminal = session.connect({ columns, rows: 24 })
  t.after(() => terminal.close())
  await terminal.ready
  return terminal
}

test('when the driver leaves for good the only one left types without asking; two must ask', async (t) => {
  const cleanup = backwards(t)
  const server = await spawnServer(cleanup, { flags: ['--spare-runners=0'] })
  const cliscale = new Cliscale({ baseUrl: server.baseUrl, apiKey: server.apiKey })
  const session = await cliscale.sessions.create({ command: 'cat' })
  const first = await attach(cleanup, session, 90)
  const second = await attach(cleanup, session, 100)
  const third = await attach(cleanup, session, 110)
  const observer = session.connect({ role: 'observer' })
  cleanup.after(() => observer.close())
  await observer.ready
  let shown = ''
  observer.on('data', (bytes) => (shown += new TextDecoder().decode(bytes)))
  assert.deepEqual([first.isDriver, second.isDriver, third.isDriver], [true, false, false])

  let clients = 0
  third.on('size', (size) => (clients = size.clients))
  await first.close()
  await waitFor(() => clients === 3, { what: 'the first to be gone' })
  assert.deepEqual([second.isDriver, third.isDriver], [false, false])
  await assert.rejects(second.write('no\n'), { code: 'ROLE_REFUSED' })
  await second.takeControl()

  await second.close()
  await waitFor(() => third.isDriver, { what: 'the third to drive' })
  await third.write('mine\n')
  await waitFor(() => shown.includes('mine'), { what: 'what it typed' })
  await waitFor(() => observer.size.columns === 110, { what: 'its size' })
  assert.equal(observer.isDriver, false)
  assert.ok(!shown.includes('no'))
})

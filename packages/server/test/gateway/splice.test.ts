import assert from 'node:assert/strict'
import { test } from 'node:test'
import { waitFor } from '../support/wait-for.ts'
import { runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal, opened } from './support/terminal-client.ts'

test('a client whose session has a runner is joined to it, and bytes pass both ways as they came', async (t) => {
  const { start, session, assign, token, folder, secrets } = await stage(t)
  const gateway = await start()
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  const runnerId = await assign(sessionId, runner.address)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  assert.equal(client.socket.protocol, 'cliscale.v1')
  client.send({ type: 'hello', v: 1, columns: 80, rows: 24 })

  const connection = await runner.next()
  const { headers } = connection.request
  assert.equal(headers['x-cliscale-runner'], runnerId)
  assert.equal(headers.authorization, `Bearer ${secrets.of(runnerId)}`)
  assert.equal(headers['x-cliscale-role'], 'driver')
  assert.match(String(headers['x-request-id']), /^req_/)
  assert.equal(headers['sec-websocket-protocol'], 'cliscale.v1')
  assert.equal(headers['sec-websocket-extensions'], undefined)
  await waitFor(() => connection.received.length === 1, { what: 'the hello' })
  assert.deepEqual(JSON.parse(connection.received[0]!), { v: 1, columns: 80, rows: 24 })

  connection.socket.send(Buffer.from('0hello'))
  const output = await client.got('output')
  assert.equal(Buffer.from(output.data).toString(), 'hello')
  client.send({ type: 'input', data: Buffer.from('ls\r') })
  await waitFor(() => connection.received.length === 2, { what: 'the input' })
  assert.equal(connection.received[1], '0ls\r')

  connection.socket.close(1000, 'exited')
  assert.deepEqual(await client.over(), { code: 1000, reason: 'exited' })
  await waitFor(() => gateway.gateway.connections === 0, { what: 'the connection to be gone' })
})

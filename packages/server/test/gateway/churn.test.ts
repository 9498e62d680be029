import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { waitFor } from '../support/wait-for.ts'
import { runnerEnd } from './support/runner-end.ts'
import { stage } from './support/stage.ts'
import { connectTerminal } from './support/terminal-client.ts'

function descriptors(): number {
  return readdirSync('/proc/self/fd').length
}

test('1,000 terminals opened and ended in every way leave no descriptor, no timer and no count behind', async (t) => {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start({ limits: { tickMs: 10, closeTimeoutMs: 200 } })
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const noRunner = await session()
  const before = descriptors()
  for (let round = 0; round < 25; round += 1) {
    const ways = Array.from({ length: 40 }, async (_, i) => {
      const to = i % 8 === 7 ? noRunner : sessionId
      const client = connectTerminal(t, gateway.url(to), i % 10 === 9 ? {} : { token: await token(to) })
      if (i % 10 === 9) return void (await client.over())
      await waitFor(() => client.socket.readyState === client.socket.OPEN, { what: 'open' })
      if (i % 3 === 0) client.socket.terminate()
      else if (i % 3 === 1) client.socket.close(1000)
      else client.socket.send(Buffer.alloc(65_537))
      await client.over()
    })
    await Promise.all(ways)
    for (const { socket } of runner.connections.slice(-40)) if (round % 2 === 0) socket.terminate()
  }
  await waitFor(() => gateway.gateway.connections === 0, { what: 'no connection' })
  // The pool may have opened its ten connections meanwhile.
  await waitFor(() => descriptors() <= before + 10, { what: 'no descriptor left' })
  const text = await gateway.metrics.metrics()
  assert.match(text, /cliscale_gateway_pending_upgrades 0/)
  assert.match(text, /paused_connections\{side="runner"\} 0/)
  assert.match(text, /paused_connections\{side="client"\} 0/)
})

import { test } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import { WebSocket } from 'ws'
import { recordedExchanges } from '../../../sdk/test/protocol/recorded-exchange.ts'
import { replayToServer } from '../../../sdk/test/protocol/replay-exchange.ts'
import { startTestServer } from '../support/server.ts'

for (const exchange of recordedExchanges()) {
  const { name, version, subprotocol, script } = exchange
  test(`the server answers the clients of ${name} of version ${version} as then`, async (t) => {
    const { baseUrl, apiKey } = await startTestServer(t)
    const cliscale = new Cliscale({ baseUrl, apiKey })
    const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', script] })
    await session.waitUntil('running')
    const tokens = new Map<number | undefined, string>()
    await replayToServer(exchange, async ({ role, tokenOf }, connection) => {
      const access = await session.createToken({ role })
      const token = tokens.get(tokenOf) ?? access.token
      if (connection !== undefined) tokens.set(connection, token)
      return new WebSocket(access.url, [connection === undefined ? 'cliscale.v1' : subprotocol], {
        headers: { authorization: `Bearer ${token}` },
      })
    })
  })
}

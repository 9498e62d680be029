import { test } from 'node:test'
import { Cliscale } from '@cliscale/sdk'
import { WebSocket } from 'ws'
import { recordedExchanges } from '../../../sdk/test/protocol/recorded-exchange.ts'
import { RECORDED_SCRIPT, replayToServer } from '../../../sdk/test/protocol/replay-exchange.ts'
import { startTestServer } from '../support/server.ts'

for (const exchange of recordedExchanges()) {
  test(`the server answers a client of version ${exchange.version} on ${exchange.subprotocol} as then`, async (t) => {
    const { baseUrl, apiKey } = await startTestServer(t)
    const cliscale = new Cliscale({ baseUrl, apiKey })
    const session = await cliscale.sessions.create({ command: 'sh', args: ['-c', RECORDED_SCRIPT] })
    await session.waitUntil('running')
    await replayToServer(exchange, async () => {
      const { url, token } = await session.createToken()
      return new WebSocket(url, [exchange.subprotocol], { headers: { authorization: `Bearer ${token}` } })
    })
  })
}

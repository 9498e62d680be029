import { test } from 'node:test'

import { ROLE_HEADER, RUNNER_PATHS } from '@cliscale/sdk/protocol'
import { WebSocket } from 'ws'

import { recordedExchanges } from '../../sdk/test/protocol/recorded-exchange.ts'
import { replayToServer } from '../../sdk/test/protocol/replay-exchange.ts'
import { startRunner } from './support/start-runner.ts'

for (const exchange of recordedExchanges().filter(({ through }) => through === 'runner')) {
  const { name, version, subprotocol, script } = exchange
  test(`the runner answers the clients of ${name} of version ${version} as then`, async (t) => {
    const runner = await startRunner(t)
    await runner.assignScript(script)
    const url = `ws+unix:${runner.socketPath}:${RUNNER_PATHS.terminal}`
    await replayToServer(exchange, ({ role }, connection) => {
      const headers = { ...runner.headers, [ROLE_HEADER]: role }
      return new WebSocket(url, [connection === undefined ? 'cliscale.v1' : subprotocol], { headers })
    })
  })
}

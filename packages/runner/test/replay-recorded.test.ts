import { test } from 'node:test'

import { ROLE_HEADER, RUNNER_PATHS } from '@cliscale/sdk/protocol'
import { WebSocket } from 'ws'

import { recordedExchanges } from '../../sdk/test/protocol/recorded-exchange.ts'
import { RECORDED_SCRIPT, replayToServer } from '../../sdk/test/protocol/replay-exchange.ts'
import { startRunner } from './support/start-runner.ts'

for (const exchange of recordedExchanges()) {
  test(`the runner answers a client of version ${exchange.version} on ${exchange.subprotocol} as then`, async (t) => {
    const runner = await startRunner(t)
    await runner.assignScript(RECORDED_SCRIPT)
    const url = `ws+unix:${runner.socketPath}:${RUNNER_PATHS.terminal}`
    const headers = { ...runner.headers, [ROLE_HEADER]: 'driver' }
    await replayToServer(exchange, () => new WebSocket(url, [exchange.subprotocol], { headers }))
  })
}

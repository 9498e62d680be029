import type { TestContext } from 'node:test'
import type { GatewayOverrides } from '../../../src/server/gateway-role.ts'
import { runnerEnd } from './runner-end.ts'
import { type GatewayUnderTest, stage } from './stage.ts'
import { connectTerminal, opened, type TerminalClient } from './terminal-client.ts'

/** A gateway with one terminal on it. */
export interface Joined {
  readonly gateway: GatewayUnderTest
  readonly sessionId: string
  readonly client: TerminalClient
  /** The runner's end of the terminal. */
  readonly connection: Awaited<ReturnType<Awaited<ReturnType<typeof runnerEnd>>['next']>>
}

/** A driver of a running session whose connection reaches its runner. */
export async function joined(t: TestContext, changes: GatewayOverrides = {}): Promise<Joined> {
  const { start, session, assign, token, folder } = await stage(t)
  const gateway = await start(changes)
  const runner = await runnerEnd(t, folder)
  const sessionId = await session()
  await assign(sessionId, runner.address)
  const client = await opened(connectTerminal(t, gateway.url(sessionId), { token: await token(sessionId) }))
  return { gateway, sessionId, client, connection: await runner.next() }
}

import { mkdir } from 'node:fs/promises'
import type { TestContext } from 'node:test'
import { type Role, SESSION_STATES } from '@cliscale/sdk/protocol'
import { RunnerSecret } from '../../../src/auth/runner-secret.ts'
import { DEFAULT_ISSUER, TokenIssuer } from '../../../src/auth/session-tokens.ts'
import { parseConfig } from '../../../src/config/parse.ts'
import { runtimeFolder } from '../../../src/drivers/process/folders/runner-folder.ts'
import type { Gateway } from '../../../src/gateway/gateway.ts'
import { createLog } from '../../../src/observability/log.ts'
import type { Metrics } from '../../../src/observability/metrics.ts'
import { createServerWith } from '../../../src/server.ts'
import { prepareDataFolder } from '../../../src/server/data-folder.ts'
import type { GatewayOverrides } from '../../../src/server/gateway-role.ts'
import type { Store } from '../../../src/store/store.ts'
import { backwards } from '../../support/backwards.ts'
import { dataFolder, removeDataFolder } from '../../support/data-folder.ts'
import { testDatabase } from '../../support/database.ts'
import { newId, newSession } from '../../support/sessions.ts'
import { keyRing } from '../../support/signing.ts'
import { tellLogOfFailure } from '../../support/tell-log.ts'

/** One gateway that listens. */
export interface GatewayUnderTest {
  readonly gateway: Gateway
  readonly port: number
  readonly metrics: Metrics
  readonly logLines: readonly string[]
  /** Address of a session's terminal. */
  url(sessionId: string): string
}

/** Everything around gateways, real: PostgreSQL, keys, tokens, and the folder of their runners' sockets. */
export interface Stage {
  readonly store: Store
  readonly folder: string
  readonly secrets: RunnerSecret
  readonly issuer: TokenIssuer
  readonly start: (overrides?: GatewayOverrides) => Promise<GatewayUnderTest>
  /** A session, queued. */
  readonly session: () => Promise<string>
  /** Gives a session a runner at `address` that accepted its assignment; resolves with the runner's id. */
  readonly assign: (sessionId: string, address: string) => Promise<string>
  /** A token on the allow-list. */
  readonly token: (sessionId: string, role?: Role) => Promise<string>
  /** Ends a session as if its command had exited. */
  readonly end: (sessionId: string, code: number, runner?: 'lingering' | 'ended') => Promise<void>
}

/**
 * Prepares it. The gateways are servers of mode `gateway` as they are shipped; a controller is not needed, because the test
 * writes what one would.
 *
 * @param flags flags of all gateways, as in `['--public-url=https://terminals.example']`
 */
export async function stage(t: TestContext, flags: readonly string[] = []): Promise<Stage> {
  const cleanup = backwards(t)
  const { store, connectionString } = await testDatabase(cleanup)
  const dataDir = await dataFolder()
  cleanup.after(() => removeDataFolder(dataDir))
  const folder = runtimeFolder(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const own = ['--mode=gateway', '--port=0', '--internal-port=0', '--allowed-origins=https://app.example']
  const config = parseConfig([...own, `--data-dir=${dataDir}`, ...flags], {
    DATABASE_URL: connectionString,
    CLISCALE_DRAIN_SECONDS: '0',
  })
  await store.projects.ensure('p1', 'P1')
  const paths = await prepareDataFolder(dataDir)
  const keys = keyRing(paths.signingKeys, { store: store.signingKeys })
  await keys.start()
  cleanup.after(() => keys.close())
  const issuer = new TokenIssuer({ keys, issuer: config.publicUrl ?? DEFAULT_ISSUER })
  const secrets = await RunnerSecret.fromFile(paths.runnerKey)

  const start = async (gatewayOverrides: GatewayOverrides = {}): Promise<GatewayUnderTest> => {
    const logLines: string[] = []
    const log = createLog({ destination: { write: (line: string) => logLines.push(line) } })
    tellLogOfFailure(cleanup, 'the gateway', () => logLines.join(''))
    const server = createServerWith(config, log, { gatewayOverrides })
    cleanup.after(async () => {
      server.terminals.close()
      await server.close()
    })
    await server.start()
    const port = Number(new URL(server.url).port)
    const url = (sessionId: string): string => `ws://127.0.0.1:${port}/v1/sessions/${sessionId}/terminal`
    return { gateway: server.terminals, port, metrics: server.core.metrics, logLines, url }
  }

  return {
    store,
    folder,
    secrets,
    issuer,
    start,
    session: async () => {
      const input = newSession()
      await store.sessions.create(input)
      return input.session.id
    },
    assign: async (sessionId, address) => {
      const id = newId('run')
      await store.runners.insert({ id, driver: 'process', policy: 'test', sessionId })
      await store.runners.markUp(id, { address, externalId: '1' })
      if (!(await store.runners.markAssigned(id, sessionId))) throw new Error('not assigned')
      return id
    },
    token: async (sessionId, role = 'driver') => {
      const minted = await issuer.mint({ sessionId, subject: 'ann', role, ttlSeconds: 60 })
      await store.tokens.mint(sessionId, {
        jti: minted.jti,
        role,
        expiresAt: minted.expiresAt,
        accessId: null,
      })
      return minted.token
    },
    end: async (sessionId, code, runner = 'ended') => {
      const exit = { code, signal: null, reason: 'exited' } as const
      const from = SESSION_STATES.filter((state) => state !== 'ended')
      const ended = await store.sessions.transition({
        id: sessionId,
        from,
        move: { to: 'ended', exit, runner },
      })
      if (ended === null) throw new Error('not ended')
    },
  }
}

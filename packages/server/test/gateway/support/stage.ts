import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Role, SESSION_STATES } from '@cliscale/sdk/protocol'
import { Registry } from 'prom-client'
import { RunnerSecret } from '../../../src/auth/runner-secret.ts'
import { TokenIssuer, TokenVerifier } from '../../../src/auth/session-tokens.ts'
import type { Gateway, GatewayOptions } from '../../../src/gateway/gateway.ts'
import { gatewayPlugin, TERMINAL_HTTP_OPTIONS } from '../../../src/gateway/plugin.ts'
import { createApp } from '../../../src/http/app.ts'
import { HostCheck } from '../../../src/http/host-check.ts'
import { createLog } from '../../../src/observability/log.ts'
import { listenForEvents } from '../../../src/store/listen.ts'
import type { Store } from '../../../src/store/store.ts'
import { testDatabase } from '../../support/database.ts'
import { newId, newSession } from '../../support/sessions.ts'
import { keyRing } from '../../support/signing.ts'
import { tellLogOfFailure } from '../../support/tell-log.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/** One gateway that listens. */
export interface GatewayUnderTest {
  readonly gateway: Gateway
  readonly port: number
  readonly metrics: Registry
  readonly logLines: readonly string[]
  /** Address of a session's terminal. */
  url(sessionId: string): string
}

/** Everything around a gateway, real: PostgreSQL, keys, tokens, HTTP server. */
export interface Stage {
  readonly store: Store
  readonly folder: string
  readonly secrets: RunnerSecret
  readonly issuer: TokenIssuer
  readonly start: (changes?: Partial<GatewayOptions>) => Promise<GatewayUnderTest>
  /** A session, queued. */
  readonly session: () => Promise<string>
  /** Gives a session a runner at `address` that accepted its assignment; resolves with the runner's id. */
  readonly assign: (sessionId: string, address: string) => Promise<string>
  /** A token on the allow-list. */
  readonly token: (sessionId: string, role?: Role) => Promise<string>
  /** Ends a session as if its command had exited. */
  readonly end: (sessionId: string, code: number, runner?: 'lingering' | 'ended') => Promise<void>
}

export async function stage(t: TestContext): Promise<Stage> {
  const { store, connectionString } = await testDatabase(t)
  const folder = await temporaryFolder(t)
  await store.projects.ensure('p1', 'P1')
  const keys = keyRing(join(folder, 'keys'), { store: store.signingKeys })
  await keys.start()
  const hints = listenForEvents({ connectionString })
  t.after(async () => {
    await keys.close()
    await hints.close()
  })
  await hints.ready
  const issuer = new TokenIssuer({ keys, issuer: 'cliscale' })
  const secrets = new RunnerSecret(randomBytes(32))

  const start = async (changes: Partial<GatewayOptions> = {}): Promise<GatewayUnderTest> => {
    const logLines: string[] = []
    const log = createLog({ destination: { write: (line: string) => logLines.push(line) } })
    tellLogOfFailure(t, 'the gateway', () => logLines.join(''))
    const metrics = new Registry()
    const hosts = new HostCheck(null)
    const app = await createApp({ log, hosts, allowedOrigins: [], https: false, http: TERMINAL_HTTP_OPTIONS })
    await app.register(gatewayPlugin, {
      tokens: store.tokens,
      sessions: store.sessions,
      events: store.events,
      hints,
      verifier: new TokenVerifier({ store: store.signingKeys, issuer: 'cliscale' }),
      runnerSecret: secrets,
      hosts,
      allowedOrigins: ['https://app.example'],
      publicUrl: null,
      reach: { unixFolder: folder, networks: [] },
      log,
      metrics,
      ...changes,
    })
    t.after(() => app.close())
    app.server.listen(0, '127.0.0.1')
    await app.ready()
    if (!app.server.listening) await once(app.server, 'listening')
    const { port } = app.server.address() as AddressInfo
    const url = (sessionId: string): string => `ws://127.0.0.1:${port}/v1/sessions/${sessionId}/terminal`
    return { gateway: app.terminals, port, metrics, logLines, url }
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
      await store.tokens.mint(sessionId, { jti: minted.jti, role, expiresAt: minted.expiresAt })
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

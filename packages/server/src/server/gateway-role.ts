import type { Config } from '../config/config.ts'
import type { GatewayOptions } from '../gateway/gateway.ts'
import type { GatewayLimits } from '../gateway/options.ts'
import { DEFAULT_ISSUER, TokenVerifier } from '../auth/session-tokens.ts'
import { runtimeFolder } from '../drivers/process/folders/runner-folder.ts'
import type { Health } from '../observability/health.ts'
import { Clients } from '../http/client.ts'
import { HostCheck } from '../http/host-check.ts'
import { connectionBudget } from './descriptors.ts'
import { ownHosts } from './hosts.ts'
import { keyMetrics } from './metrics.ts'
import type { RoleOptions } from './controller-role.ts'

/** What a gateway may have otherwise than the configuration says. */
export type GatewayOverrides = Partial<Pick<GatewayOptions, 'limits' | 'sessions' | 'tokens' | 'clients'>>

/** What the gateway of this process works with. It needs no signing key, no seal key and no driver. */
export function gatewayOptions(
  options: Omit<RoleOptions, 'paths'> & {
    readonly health: Health
    readonly gatewayOverrides?: GatewayOverrides
  },
): GatewayOptions {
  const { config, health, log, metrics, runnerSecret, storage } = options
  const { apiKeys, events, signingKeys, sessions, tokens } = storage.store
  const verifier = new TokenVerifier({
    store: signingKeys,
    issuer: config.publicUrl ?? DEFAULT_ISSUER,
    onRefreshError: (error) => log.warn({ err: error }, 'The keys of session tokens could not be read again'),
  })
  watchKeys(verifier, health)
  keyMetrics(metrics, verifier)
  return {
    tokens,
    sessions,
    events,
    accesses: apiKeys,
    hints: storage.hints,
    verifier,
    runnerSecret,
    hosts: new HostCheck(options.anyHost === true ? null : ownHosts(config)),
    allowedOrigins: config.allowedOrigins,
    publicUrl: config.publicUrl,
    clients: new Clients(config.trustedProxies),
    reach: { unixFolder: runtimeFolder(config.dataDir), networks: config.runnerNetworks },
    log,
    metrics,
    ...options.gatewayOverrides,
    limits: { ...limitsOf(config), ...options.gatewayOverrides?.limits },
  }
}

function limitsOf(config: Config): Partial<GatewayLimits> {
  const budget = connectionBudget(config)
  return {
    maxConnections: budget.terminals,
    maxPendingUpgrades: budget.pendingUpgrades,
    maxPendingPerAddress: config.maxPendingPerAddress,
    maxWaiting: config.maxWaitingTerminals,
    maxWaitingBytes: config.maxWaitingBytes,
    maxBufferedBytes: config.maxBufferedBytes,
    startTimeoutMs: config.startTimeoutSeconds * 1_000,
    handshakeTimeoutMs: config.handshakeTimeoutMillis,
    dialTimeoutMs: config.dialTimeoutMillis,
    dialRetryMs: config.dialRetryMillis,
    pingIntervalMs: config.pingIntervalSeconds * 1_000,
    pongTimeoutMs: config.pongTimeoutSeconds * 1_000,
    maxLifetimeMs: config.maxConnectionSeconds * 1_000,
  }
}

/** A gateway without keys can let nobody in. */
function watchKeys(verifier: TokenVerifier, health: Health): void {
  health.register('keys', 'ready', async () => {
    if (verifier.keyCount === 0) await verifier.refresh()
    return verifier.keyCount > 0 ? null : 'There is no key to check tokens with; start a controller.'
  })
}

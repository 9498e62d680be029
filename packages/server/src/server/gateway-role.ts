import { Gauge } from 'prom-client'
import type { GatewayOptions } from '../gateway/gateway.ts'
import { DEFAULT_ISSUER, TokenVerifier } from '../auth/session-tokens.ts'
import { runtimeFolder } from '../drivers/process/runner-folder.ts'
import type { Health } from '../observability/health.ts'
import type { Metrics } from '../observability/metrics.ts'
import { HostCheck } from '../http/host-check.ts'
import { ownHosts } from './hosts.ts'
import type { RoleOptions } from './controller-role.ts'

/** What the gateway of this process works with. It needs no signing key, no seal key and no driver. */
export function gatewayOptions(
  options: Omit<RoleOptions, 'paths'> & { readonly health: Health },
): GatewayOptions {
  const { config, health, log, metrics, runnerSecret, storage } = options
  const { events, signingKeys, sessions, tokens } = storage.store
  const verifier = new TokenVerifier({
    store: signingKeys,
    issuer: config.publicUrl ?? DEFAULT_ISSUER,
    onRefreshError: (error) => log.warn({ err: error }, 'The keys of session tokens could not be read again'),
  })
  watchKeys(verifier, { health, metrics })
  return {
    tokens,
    sessions,
    events,
    hints: storage.hints,
    verifier,
    runnerSecret,
    hosts: new HostCheck(options.anyHost === true ? null : ownHosts(config)),
    allowedOrigins: config.allowedOrigins,
    publicUrl: config.publicUrl,
    reach: { unixFolder: runtimeFolder(config.dataDir), networks: config.runnerNetworks },
    limits: {
      maxConnections: config.maxConnections,
      maxPendingUpgrades: config.maxPendingUpgrades,
      maxPendingPerAddress: config.maxPendingPerAddress,
      startTimeoutMs: config.startTimeoutSeconds * 1_000,
    },
    log,
    metrics,
  }
}

/** A gateway without keys can let nobody in. */
function watchKeys(
  verifier: TokenVerifier,
  { health, metrics }: { readonly health: Health; readonly metrics: Metrics },
): void {
  health.register('keys', 'ready', async () => {
    if (verifier.keyCount === 0) await verifier.refresh()
    return verifier.keyCount > 0 ? null : 'There is no key to check tokens with; start a controller.'
  })
  const keys: Gauge = new Gauge({
    name: 'cliscale_gateway_jwks_keys',
    help: 'Keys that session tokens may be signed with, as this gateway knows them.',
    registers: [metrics],
    aggregator: 'max',
    collect: () => keys.set(verifier.keyCount),
  })
}

import type { FastifyInstance } from 'fastify'
import { gatewayPlugin, TERMINAL_HTTP_OPTIONS } from '../gateway/plugin.ts'
import { createApp } from '../http/app.ts'
import { Clients } from '../http/client.ts'
import { serveConsole } from '../http/console.ts'
import { addHealthRoutes } from '../http/health-routes.ts'
import { HostCheck } from '../http/host-check.ts'
import { addOpenApi } from '../http/openapi.ts'
import { addControllerRoutes, type Core } from './core.ts'
import { connectionBudget } from './descriptors.ts'
import { ownHosts } from './hosts.ts'
import { consoleFolder } from './package.ts'

/**
 * The public HTTP server with the routes of the mode.
 *
 * @param options.behindWorkers whether its peers are this server's own workers, at a Unix socket
 */
export async function createPublicApp(
  core: Core,
  options: { readonly behindWorkers?: boolean } = {},
): Promise<FastifyInstance> {
  const { config, gateway, health } = core
  const clients = options.behindWorkers === true ? new Clients([], { unixPeers: true }) : undefined
  const app = await bareApp(core, clients)
  await addOpenApi(app)
  addHealthRoutes(app, health)
  addControllerRoutes(app, core)
  if (gateway !== null) await app.register(gatewayPlugin, gateway)
  if (config.mode !== 'gateway') await serveConsole(app, consoleFolder())
  return app
}

/** One with terminals only. */
export async function createTerminalApp(core: Core): Promise<FastifyInstance> {
  const app = await bareApp(core)
  if (core.gateway !== null) await app.register(gatewayPlugin, core.gateway)
  return app
}

/** Nobody would answer an upgrade here or close its connection: it is served as any other request. */
const NO_UPGRADES = { shouldUpgradeCallback: () => false } as const

function bareApp(
  { config, gateway, log }: Core,
  clients: Clients = new Clients(config.trustedProxies),
): Promise<FastifyInstance> {
  const { httpConnections, httpConnectionsPerAddress } = connectionBudget(config)
  return createApp({
    arrivalTimeoutMs: config.requestTimeoutSeconds * 1_000,
    keepAliveTimeoutMs: config.keepAliveSeconds * 1_000,
    connections: { max: httpConnections, maxPerAddress: httpConnectionsPerAddress },
    log,
    clients,
    hosts: new HostCheck(ownHosts(config)),
    allowedOrigins: config.allowedOrigins,
    https: config.publicUrl?.startsWith('https:') ?? false,
    http: gateway === null ? NO_UPGRADES : TERMINAL_HTTP_OPTIONS,
  })
}

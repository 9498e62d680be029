import type { FastifyInstance } from 'fastify'
import { gatewayPlugin, TERMINAL_HTTP_OPTIONS } from '../gateway/plugin.ts'
import { createApp } from '../http/app.ts'
import { serveConsole } from '../http/console.ts'
import { addHealthRoutes } from '../http/health-routes.ts'
import { HostCheck } from '../http/host-check.ts'
import { addOpenApi } from '../http/openapi.ts'
import { addControllerRoutes, type Core } from './core.ts'
import { connectionBudget } from './descriptors.ts'
import { ownHosts } from './hosts.ts'
import { consoleFolder } from './package.ts'

/** The public HTTP server with the routes of the mode. */
export async function createPublicApp(core: Core): Promise<FastifyInstance> {
  const { config, gateway, health } = core
  const app = await bareApp(core)
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

function bareApp({ config, gateway, log }: Core): Promise<FastifyInstance> {
  const { httpConnections, httpConnectionsPerAddress } = connectionBudget(config)
  return createApp({
    arrivalTimeoutMs: config.requestTimeoutSeconds * 1_000,
    keepAliveTimeoutMs: config.keepAliveSeconds * 1_000,
    connections: { max: httpConnections, maxPerAddress: httpConnectionsPerAddress },
    log,
    hosts: new HostCheck(ownHosts(config)),
    allowedOrigins: config.allowedOrigins,
    https: config.publicUrl?.startsWith('https:') ?? false,
    ...(gateway === null ? {} : { http: TERMINAL_HTTP_OPTIONS }),
  })
}

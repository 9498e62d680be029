import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { CodedError } from '../http/coded-error.ts'
import { Gateway, type GatewayOptions } from './gateway.ts'
import { isTerminalUpgrade } from './handshake.ts'
import { GATEWAY_DEFAULTS } from './options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The terminals of this server, once {@link gatewayPlugin} is registered. */
    terminals: Gateway
  }
}

/**
 * Options of Node's HTTP server under which terminals run best: requests with other Upgrade headers are served as if
 * they had none, and sockets buffer as little as the gateway reckons with. For Fastify's `http` option.
 */
export const TERMINAL_HTTP_OPTIONS: {
  readonly highWaterMark: number
  readonly shouldUpgradeCallback: typeof isTerminalUpgrade
} = { highWaterMark: GATEWAY_DEFAULTS.highWaterMark, shouldUpgradeCallback: isTerminalUpgrade }

const plugin: FastifyPluginAsync<GatewayOptions> = async (app: FastifyInstance, options: GatewayOptions) => {
  const gateway = new Gateway(options)
  gateway.attach(app.server)
  app.decorate('terminals', gateway)
  app.get('/v1/sessions/:id/terminal', { schema: { hide: true } }, async () => {
    throw new CodedError('UPGRADE_REQUIRED')
  })
  app.addHook('preClose', async () => gateway.close())
}

/** Serves `WS /v1/sessions/{id}/terminal` on a Fastify server; `app.terminals` drains and closes them. */
export const gatewayPlugin: FastifyPluginAsync<GatewayOptions> = fastifyPlugin(plugin, {
  name: 'cliscale-gateway',
})

import { EventEmitter } from 'node:events'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { Gateway, type GatewayOptions } from '../gateway/gateway.ts'
import { isTerminalUpgrade } from '../gateway/handshake.ts'
import { CodedError } from '../http/coded-error.ts'

/**
 * Serves terminals below `prefix` on the server of another app. Upgrades for other paths are left to the app's own
 * listeners; when it has none, they are refused here, because nobody else would ever answer.
 */
export function mountTerminals(app: FastifyInstance, options: GatewayOptions, prefix: string): Gateway {
  const gateway = new Gateway(options)
  const upgrades = new EventEmitter()
  gateway.attach(upgrades as unknown as Server)
  const listener = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (takeOver(request, prefix) || app.server.listenerCount('upgrade') === 1)
      upgrades.emit('upgrade', request, socket, head)
  }
  app.server.on('upgrade', listener)
  app.addHook('onClose', async () => {
    app.server.off('upgrade', listener)
  })
  app.get('/v1/sessions/:id/terminal', { schema: { hide: true } }, async () => {
    throw new CodedError('UPGRADE_REQUIRED')
  })
  return gateway
}

/** True for one of our terminals; its address then stands as if the prefix were not there. */
function takeOver(request: IncomingMessage, prefix: string): boolean {
  const { url = '' } = request
  if (!url.startsWith(`${prefix}/`)) return false
  request.url = url.slice(prefix.length)
  if (isTerminalUpgrade(request)) return true
  request.url = url
  return false
}

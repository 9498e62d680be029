import type { FastifyRequest } from 'fastify'
import { clientOf } from '../http/client.ts'

/**
 * The complete address of a session's terminal: below the configured public URL, else below the address at which the
 * caller reached this server, with the prefix of the routes where another app mounts them, so that it works as is on a laptop and behind a proxy that is configured.
 */
export function terminalUrl(
  request: FastifyRequest,
  sessionId: string,
  publicUrl: string | undefined,
): string {
  const { protocol, host } = clientOf(request)
  const base = new URL(publicUrl ?? `${protocol}://${host}${request.server.prefix}`)
  base.protocol = base.protocol === 'https:' ? 'wss:' : 'ws:'
  base.pathname = `${base.pathname.replace(/\/$/, '')}/v1/sessions/${encodeURIComponent(sessionId)}/terminal`
  return base.href
}

import { isLoopback } from '../config/checks.ts'
import type { Config } from '../config/config.ts'

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]']

/**
 * Names under which this server may be addressed: what it listens on, its public name, and what the operator adds.
 * There is always a list, so a foreign name that is made to point here is refused.
 */
export function ownHosts(config: Pick<Config, 'host' | 'publicUrl' | 'allowedHosts'>): readonly string[] {
  const { host, publicUrl, allowedHosts } = config
  const listening = host.includes(':') ? `[${host}]` : host
  const loopback = isLoopback(host) ? LOOPBACK : []
  const named = publicUrl === null ? [] : [new URL(publicUrl).hostname]
  return [...new Set([listening, ...loopback, ...named, ...allowedHosts])]
}

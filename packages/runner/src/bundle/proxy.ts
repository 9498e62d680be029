import { BlockList, isIP } from 'node:net'

import { defaultPort, literalAddress } from './allowed-hosts.ts'
import { networkList } from './addresses.ts'
import type { OutsideWorld } from './outside-world.ts'

/** The proxy through which a URL is fetched; undefined: none. */
export function proxyFor(url: URL, world: OutsideWorld): string | undefined {
  const proxy = url.protocol === 'https:' ? world.httpsProxy : world.httpProxy
  if (proxy === '' || isExcepted(url, world.noProxy)) return undefined
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

/**
 * Whether `NO_PROXY` names a URL's host: `*`, `host`, `host:port`, `.domain` or `*.domain`, and for addresses also
 * networks (`10.0.0.0/8`) and ranges (`10.0.0.1-10.0.0.9`).
 */
function isExcepted(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/\.$/, '')
  const port = url.port === '' ? defaultPort(url) : url.port
  return noProxy
    .split(/[\s,]+/)
    .map((entry) => entry.toLowerCase())
    .some((entry) => entry !== '' && (matchesName(entry, host, port) || matchesAddress(entry, url)))
}

function matchesName(entry: string, host: string, port: string): boolean {
  if (entry === '*' || entry === host || entry === `${host}:${port}`) return true
  const suffix = entry.replace(/^\*/, '')
  return suffix.startsWith('.') && (host.endsWith(suffix) || (entry === suffix && host === suffix.slice(1)))
}

function matchesAddress(entry: string, url: URL): boolean {
  const address = literalAddress(url)
  if (address === undefined) return false
  if (entry === address) return true
  return listOf(entry)?.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') ?? false
}

function listOf(entry: string): BlockList | undefined {
  try {
    if (entry.includes('/')) return networkList([entry])
    const [first = '', last = ''] = entry.split('-')
    if (isIP(first) === 0 || isIP(first) !== isIP(last)) return undefined
    const list = new BlockList()
    list.addRange(first, last, isIP(first) === 6 ? 'ipv6' : 'ipv4')
    return list
  } catch {
    // It is no network and no range, so no address is in it.
    return undefined
  }
}

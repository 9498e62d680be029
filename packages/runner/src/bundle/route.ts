import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import type { RequestOptions } from 'node:http'
import { isIP, type LookupFunction } from 'node:net'

import { type HostRules, isLocalhost, literalAddress } from './allowed-hosts.ts'
import { faultReason, NetworkFault } from './network-fault.ts'
import type { OutsideWorld } from './outside-world.ts'
import { proxyFor } from './proxy.ts'

/** How the host of one URL is reached. */
export interface Route {
  /** Options of the request. */
  readonly options: Pick<RequestOptions, 'agent' | 'lookup'>
  /** Whether what the host answers may be told to clients: only a public host's. */
  readonly told: boolean
}

/**
 * Finds the way to a URL's host. Without a proxy the host is looked up here, once; every address that it has is judged,
 * and the request can connect to nothing else than these, whatever the name leads to a moment later. With a proxy the
 * look-up is the proxy's; only an address in the URL itself, and `localhost`, are judged here.
 *
 * @throws {NetworkFault}
 */
export async function findRoute(
  url: URL,
  {
    rules,
    world,
    signal,
  }: { readonly rules: HostRules; readonly world: OutsideWorld; readonly signal: AbortSignal },
): Promise<Route> {
  const proxy = proxyFor(url, world)
  const literal = literalAddress(url) ?? (isLocalhost(url) && proxy !== undefined ? '127.0.0.1' : undefined)
  const found = literal === undefined ? undefined : [{ address: literal, family: isIP(literal) }]
  if (proxy !== undefined) {
    const told = found !== undefined && isTold(url, found, rules)
    return { options: { agent: await proxyAgent(url, proxy) }, told }
  }
  const addresses = found ?? (await addressesOf(url, signal))
  const told = isTold(url, addresses, rules)
  return { options: { agent: false, lookup: fixedLookup(addresses) }, told }
}

/** Judges all addresses of a host. @throws {NetworkFault} when one of them is refused */
function isTold(url: URL, addresses: readonly LookupAddress[], rules: HostRules): boolean {
  const verdicts = addresses.map(({ address }) => ({ address, verdict: rules.judge(url, address) }))
  const refused = verdicts.find(({ verdict }) => verdict === 'refused')
  if (refused !== undefined) throw new NetworkFault(`the address ${refused.address} is not allowed`)
  return verdicts.every(({ verdict }) => verdict === 'told')
}

async function addressesOf(url: URL, signal: AbortSignal): Promise<readonly LookupAddress[]> {
  signal.throwIfAborted()
  // Other names of this machine are nobody else's to answer for.
  const hostname = isLocalhost(url) ? 'localhost' : url.hostname
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    const found = await Promise.race([lookup(hostname, { all: true, order: 'verbatim' }), aborted])
    if (found.length === 0) throw new NetworkFault('the name has no address')
    return found
  } catch (error) {
    if (signal.aborted || error instanceof NetworkFault) throw error
    throw new NetworkFault(faultReason(error))
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Answers every question with the addresses that were judged. */
function fixedLookup(addresses: readonly LookupAddress[]): LookupFunction {
  return (_hostname, { all }, done) => {
    const [first] = addresses
    if (all === true) done(null, [...addresses])
    else done(null, first?.address ?? '', first?.family ?? 0)
  }
}

/** An agent of Node's own that goes through one proxy. @throws {NetworkFault} for a proxy that cannot be used */
async function proxyAgent(url: URL, proxy: string): Promise<NonNullable<RequestOptions['agent']>> {
  const { setDefaultCACertificates } = await import('node:tls')
  // Both came with the same release; an older one would go without the proxy.
  if (typeof setDefaultCACertificates !== 'function')
    throw new NetworkFault('proxies need Node 24.5 or newer')
  if (!/^https?:\/\//.test(proxy)) throw new NetworkFault('a proxy must begin with http:// or https://')
  try {
    return url.protocol === 'https:'
      ? new (await import('node:https')).Agent({ proxyEnv: { HTTPS_PROXY: proxy } })
      : new (await import('node:http')).Agent({ proxyEnv: { HTTP_PROXY: proxy } })
  } catch (error) {
    throw new NetworkFault(`the proxy's address cannot be used (${faultReason(error)})`)
  }
}

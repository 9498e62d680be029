import { isIP } from 'node:net'

import { holds, isLoopback, isPublic, networkList } from './addresses.ts'
import { BundleError } from './bundle-error.ts'

/** What the operator allows beside https to public hosts. */
export interface AllowedHosts {
  /** `host` or `host:port` from which plain http is allowed. */
  readonly httpHosts: readonly string[]
  /** Networks, as `address/bits`, in which a host may be although they are not public. */
  readonly privateNetworks: readonly string[]
}

/** How an address may be used: `told` means that what its host answers may be told to the session's clients. */
export type Verdict = 'refused' | 'allowed' | 'told'

interface HostAndPort {
  readonly hostname: string
  /** Empty: every port. */
  readonly port: string
}

/** Judges where a bundle may come from. */
export class HostRules {
  readonly #httpHosts: readonly HostAndPort[]
  readonly #privateNetworks: ReturnType<typeof networkList>

  constructor({ httpHosts, privateNetworks }: AllowedHosts) {
    this.#httpHosts = httpHosts.map(readHost)
    this.#privateNetworks = networkList(privateNetworks)
  }

  /** Parses an address and checks all of it that needs no look-up. @throws {BundleError} `BUNDLE_REFUSED` */
  url(text: string, base?: URL): URL {
    const url = URL.parse(text, base)
    if (url === null) throw refused('The address of the bundle is not a URL.')
    if (url.username !== '' || url.password !== '') {
      throw refused('The address of the bundle may not hold a user name or password.')
    }
    if (url.protocol !== 'https:' && !(url.protocol === 'http:' && this.#lists(url))) {
      throw refused(
        `The bundle may not be fetched from ${url.protocol}//${url.host.slice(0, 256)}.`,
        'Use https, or let the server allow http for this host.',
      )
    }
    return url
  }

  /**
   * Judges one address of a URL's host. Of the hosts for http those that are named by their address, or as `localhost`,
   * are thereby allowed; other names are not, because whoever answers for a name says where it leads.
   */
  judge(url: URL, address: string): Verdict {
    if (isPublic(address)) return 'told'
    if (!address.includes('%') && holds(this.#privateNetworks, address)) return 'allowed'
    const names = literalAddress(url) !== undefined || (isLocalhost(url) && isLoopback(address))
    return names && this.#lists(url) ? 'allowed' : 'refused'
  }

  #lists(url: URL): boolean {
    const port = url.port === '' ? defaultPort(url) : url.port
    return this.#httpHosts.some(
      (host) => host.hostname === url.hostname && (host.port === '' || host.port === port),
    )
  }
}

/** The address that a URL names instead of a host name. */
export function literalAddress({ hostname }: URL): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(bare) === 0 ? undefined : bare
}

/** Whether a URL names this machine by the name that always means it (RFC 6761). */
export function isLocalhost({ hostname }: URL): boolean {
  return /^(?:.*\.)?localhost\.?$/.test(hostname)
}

/** The port of a URL that names none. */
export function defaultPort({ protocol }: URL): string {
  return protocol === 'https:' ? '443' : '80'
}

/** Reads `host` or `host:port` as a URL would. @throws {Error} */
export function readHost(text: string): HostAndPort {
  const url = URL.parse(`http://${isIP(text) === 6 ? `[${text}]` : text}/`)
  if (url === null || url.pathname !== '/' || url.username !== '' || url.search + url.hash !== '') {
    throw new Error(`${text} is neither host nor host:port`)
  }
  // A URL drops the port that it would take anyway.
  return { hostname: url.hostname, port: text.endsWith(':80') && isIP(text) !== 6 ? '80' : url.port }
}

function refused(message: string, hint?: string): BundleError {
  return new BundleError('BUNDLE_REFUSED', message, hint === undefined ? {} : { hint })
}

import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** Who sent a request, and how: as the connection says, or as trusted proxies between say. */
export interface Client {
  /** Empty for a peer at a Unix socket that no proxy speaks for. */
  readonly address: string
  readonly protocol: 'http' | 'https'
  /** As in a Host header, with its port. */
  readonly host: string | undefined
}

/** Headers in which proxies say whom they speak for. `Forwarded` (RFC 7239) is not read. */
export const FORWARDING_HEADERS = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host'] as const

declare module 'fastify' {
  interface FastifyInstance {
    /** On the server's own HTTP servers only. */
    clients?: Clients
  }
}

/**
 * Finds out who sent a request. `X-Forwarded-For`, `-Proto` and `-Host` count only when the peer of the connection is a trusted
 * proxy: anybody else may write them. The library proxy-addr takes any text for an address, so it is not used here.
 */
export class Clients {
  readonly #proxies = new BlockList()
  readonly #unixPeers: boolean

  /**
   * @param proxies addresses and networks (CIDR) of trusted proxies
   * @param options.unixPeers whether peers at a Unix socket are trusted proxies: other processes of this server
   */
  constructor(proxies: readonly string[] = [], options: { readonly unixPeers?: boolean } = {}) {
    this.#unixPeers = options.unixPeers ?? false
    for (const proxy of proxies) {
      const [address = '', bits] = proxy.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.#proxies.addAddress(address, family)
      else this.#proxies.addSubnet(address, Number(bits), family)
    }
  }

  /** Whether the peer of a connection is a trusted proxy; undefined: it is at a Unix socket. */
  trusts(address: string | undefined): boolean {
    if (address === undefined || address === '') return this.#unixPeers
    const bare = plainAddress(address)
    const family = isIP(bare)
    return family !== 0 && this.#proxies.check(bare, family === 6 ? 'ipv6' : 'ipv4')
  }

  /** Who sent a request. */
  of({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): Client {
    const peer = plainAddress(socket.remoteAddress ?? '')
    const protocol = 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
    if (!this.trusts(socket.remoteAddress)) return { address: peer, protocol, host: headers.host }
    const proto = lastOf(headers['x-forwarded-proto']).toLowerCase()
    return {
      address: this.#furthest(peer, headers['x-forwarded-for']),
      protocol: proto === 'https' || proto === 'http' ? proto : protocol,
      host: lastOf(headers['x-forwarded-host']) || headers.host,
    }
  }

  /** The rightmost address that is no trusted proxy: what stands left of it, anybody may have written. */
  #furthest(peer: string, header: string | string[] | undefined): string {
    let address = peer
    for (const hop of entriesOf(header).toReversed()) {
      if (!this.trusts(address)) break
      const next = addressOf(hop)
      if (next === null) break
      address = next
    }
    return address
  }
}

/** Who sent a request that a route handles. Within another app what that app trusts counts. */
export function clientOf(request: FastifyRequest): Client {
  const { clients } = request.server
  if (clients !== undefined) return clients.of(request.raw)
  const { ip, protocol, host } = request
  return { address: ip, protocol: protocol === 'https' ? 'https' : 'http', host }
}

function entriesOf(header: string | string[] | undefined): readonly string[] {
  return [header ?? []].flat().flatMap((line) => line.split(',').map((entry) => entry.trim()))
}

function lastOf(header: string | string[] | undefined): string {
  return entriesOf(header).at(-1) ?? ''
}

/** Some proxies add the port of the client, and IPv6 addresses then stand in brackets. */
function addressOf(hop: string): string | null {
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop)?.[1] ?? /^([\d.]+):\d{1,5}$/.exec(hop)?.[1] ?? hop
  return isIP(bare) === 0 ? null : plainAddress(bare)
}

/** An IPv4 address that a socket for both families wrote as IPv6 is the IPv4 address. */
function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address
}

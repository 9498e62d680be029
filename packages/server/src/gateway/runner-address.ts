import { BlockList, isIP, type NetConnectOpts } from 'node:net'
import { resolve, sep } from 'node:path'
import type { RunnerReach } from './options.ts'

/** A runner's address that may be dialled. */
export type DialTarget =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** Longest path of a Unix socket (Linux: 108 bytes with the final zero). */
const MAX_UNIX_PATH = 107

/** A network with a shorter prefix is larger than any reserved one and cannot mean it. */
const SMALLEST_RESERVED_PREFIX = 8

/** Never a runner unless a network names the address by itself: this machine, link-local and metadata, multicast. */
const RESERVED = blockList([
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/128',
  '::1/128',
  'fe80::/10',
  'ff00::/8',
  'fd00:ec2::254/128',
])

/**
 * Reads runners' addresses from the database and refuses those that no runner can have, so that a forged or reused
 * row reaches nothing else (SSRF).
 */
export class RunnerAddresses {
  private readonly unixFolder: string | null
  private readonly networks: BlockList
  /** Networks that lie wholly among the reserved ones: named on purpose. */
  private readonly exceptions: BlockList

  /** @throws {Error} when a network is not a CIDR */
  constructor(reach: RunnerReach) {
    this.unixFolder = reach.unixFolder === null ? null : resolve(reach.unixFolder) + sep
    this.networks = blockList(reach.networks)
    this.exceptions = blockList(
      reach.networks.filter((network) => {
        const [address, family] = baseOf(network)
        return RESERVED.check(address, family) && Number(network.split('/')[1]) >= SMALLEST_RESERVED_PREFIX
      }),
    )
  }

  /** Where to dial; null for an address that is refused. */
  target(address: string): DialTarget | null {
    if (address.startsWith('unix:')) return this.unixTarget(address.slice('unix:'.length))
    return address.startsWith('tcp:') ? this.tcpTarget(address.slice('tcp:'.length)) : null
  }

  private unixTarget(path: string): DialTarget | null {
    if (this.unixFolder === null || path.length > MAX_UNIX_PATH || path.includes('\0')) return null
    return path === resolve(path) && path.startsWith(this.unixFolder) ? { kind: 'unix', path } : null
  }

  private tcpTarget(text: string): DialTarget | null {
    const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text)
    const host = match?.[1] ?? match?.[2]
    const port = Number(match?.[3])
    if (host === undefined || port < 1 || port > 65_535) return null
    const version = isIP(host)
    if (version === 0) return null
    const family = version === 4 ? 'ipv4' : 'ipv6'
    if (!this.networks.check(host, family)) return null
    const refused = RESERVED.check(host, family) && !this.exceptions.check(host, family)
    return refused ? null : { kind: 'tcp', host, port }
  }
}

/** The target as Node's `net.connect` takes it. */
export function connectOptions(target: DialTarget): NetConnectOpts {
  return target.kind === 'unix'
    ? { path: target.path }
    : { host: target.host, port: target.port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address, family] = baseOf(network)
    list.addSubnet(address, Number(network.split('/')[1]), family)
  }
  return list
}

function baseOf(network: string): [string, 'ipv4' | 'ipv6'] {
  const [address = '', prefix] = network.split('/')
  const version = isIP(address)
  if (version === 0 || prefix === undefined || !/^\d{1,3}$/.test(prefix)) {
    throw new Error(`"${network}" is not a network; write it as 10.0.0.0/8.`)
  }
  return [address, version === 4 ? 'ipv4' : 'ipv6']
}

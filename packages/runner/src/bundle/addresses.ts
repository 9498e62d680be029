import { BlockList, isIP } from 'node:net'

/**
 * IPv4 networks that are not the public internet: the IANA registry of special-purpose addresses (RFC 6890), multicast,
 * and the address at which Azure serves its machines.
 */
const SPECIAL_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]

/** The part of IPv6 that is handed out for public use, and what of it is special again. */
const GLOBAL_V6 = '2000::/3'
const SPECIAL_V6 = ['2001::/23', '2001:db8::/32', '3fff::/20']

interface PublicLists {
  readonly specialV4: BlockList
  readonly globalV6: BlockList
  readonly specialV6: BlockList
}

let publicLists: PublicLists | undefined

/** Made when they are needed: most runners fetch nothing, and each would pay for them at its start. */
function lists(): PublicLists {
  publicLists ??= {
    specialV4: networkList(SPECIAL_V4),
    globalV6: networkList([GLOBAL_V6]),
    specialV6: networkList(SPECIAL_V6),
  }
  return publicLists
}

/** A set of networks, each as `address/bits`. @throws {Error} for one that is none */
export function networkList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits = '', ...rest] = network.split('/')
    const family = isIP(address)
    if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits))
      throw new Error(`${network} is no network`)
    list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Whether a list holds an address, or the IPv4 address in it. */
export function holds(list: BlockList, address: string): boolean {
  return [address, embeddedV4(address)].some(
    (form) => form !== undefined && list.check(form, isIP(form) === 6 ? 'ipv6' : 'ipv4'),
  )
}

/** Whether packets to an address go to a host of the public internet. What is no address is not public. */
export function isPublic(address: string): boolean {
  if (address.includes('%')) return false
  const { specialV4, globalV6, specialV6 } = lists()
  if (isIP(address) === 4) return !specialV4.check(address, 'ipv4')
  if (isIP(address) !== 6) return false
  const embedded = embeddedV4(address)
  if (embedded !== undefined) return !specialV4.check(embedded, 'ipv4')
  return globalV6.check(address, 'ipv6') && !specialV6.check(address, 'ipv6')
}

/** Whether an address is this machine's own for itself. */
export function isLoopback(address: string): boolean {
  const form = embeddedV4(address) ?? address
  return form === '::1' || (isIP(form) === 4 && form.startsWith('127.'))
}

/**
 * The IPv4 address to which packets for an IPv6 address are translated or tunnelled: IPv4-mapped (RFC 4291), NAT64 with
 * the well-known prefix (RFC 6052) and 6to4 (RFC 3056).
 */
function embeddedV4(address: string): string | undefined {
  if (isIP(address) !== 6) return undefined
  const groups = groupsOf(address)
  const starts = (...prefix: readonly number[]): boolean => prefix.every((group, i) => groups[i] === group)
  if (starts(0, 0, 0, 0, 0, 0xffff)) return dotted(groups[6], groups[7])
  if (starts(0x64, 0xff9b, 0, 0, 0, 0)) return dotted(groups[6], groups[7])
  return starts(0x2002) ? dotted(groups[1], groups[2]) : undefined
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/** The eight groups of an IPv6 address. A URL has it in one form, without the dotted one. */
function groupsOf(address: string): readonly number[] {
  const plain = URL.parse(`http://[${address}]/`)?.hostname.slice(1, -1) ?? ''
  const [head = '', tail] = plain.split('::')
  const numbers = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  if (tail === undefined) return numbers(head)
  const [before, after] = [numbers(head), numbers(tail)]
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

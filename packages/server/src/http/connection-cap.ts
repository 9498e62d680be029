import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'
import { Clients } from './client.ts'

/** Bounds of {@link capConnections}. */
export interface ConnectionLimits {
  /** Connections in all that are no terminals. */
  readonly max: number
  /** The same for one address; IPv6 addresses count by their /64. */
  readonly maxPerAddress: number
}

/** Figures of a cap. */
export interface ConnectionCounts {
  /** Connections that are no terminals now. */
  open: number
  /** Connections that were closed to let another in. */
  evicted: number
  /** Connections that were closed because none could be. */
  refused: number
}

/** One connection. */
interface Guest {
  readonly socket: Socket
  /** Whom it counts for; empty: nobody. */
  address: string
  /** The peer is a trusted proxy: the connection counts for whom it asks for, while it does. */
  readonly proxied: boolean
  /** Requests that are whole and not answered. */
  working: number
}

/**
 * Bounds the connections of an HTTP server. One more than the bound takes the place of the one that did nothing for
 * longest: idle, or still sending its first request. So whoever holds connections without asking for anything shuts
 * nobody out. Only where all are at work the new one is closed. Upgraded connections are none of these any more. A connection
 * of a trusted proxy counts for the client of its present request, where {@link ConnectionCap.admit} is asked.
 */
export function capConnections(
  server: Server,
  limits: ConnectionLimits,
  clients: Clients = new Clients(),
): ConnectionCap {
  const cap = new ConnectionCap(limits, clients)
  server.on('connection', (socket: Socket) => cap.enter(socket))
  server.on('request', (request: IncomingMessage, response: ServerResponse) => cap.asked(request, response))
  server.prependListener('upgrade', (request: IncomingMessage) => {
    cap.leave(request.socket)
    // Nobody else would ever answer, and the connection would be of no bound any more.
    if (server.listenerCount('upgrade') === 1) request.socket.destroy()
  })
  return cap
}

/** See {@link capConnections}. */
export class ConnectionCap {
  readonly counts: ConnectionCounts = { open: 0, evicted: 0, refused: 0 }
  readonly #limits: ConnectionLimits
  /** In the order of their last sign of work, the longest ago first. */
  readonly #guests = new Map<Socket, Guest>()
  readonly #byAddress = new Map<string, Set<Guest>>()

  readonly #clients: Clients

  constructor(limits: ConnectionLimits, clients: Clients) {
    this.#limits = limits
    this.#clients = clients
  }

  enter(socket: Socket): void {
    const proxied = this.#clients.trusts(socket.remoteAddress)
    // Those of a Unix socket have no address, and come from our own processes.
    const address = proxied ? '' : groupOf(socket.remoteAddress)
    const guest: Guest = { socket, address, proxied, working: 0 }
    if (!this.#hasRoom(address)) return this.#refuse(socket)
    if (this.#guests.size >= this.#limits.max && !this.#evict(this.#guests.values()))
      return this.#refuse(socket)
    this.#count(guest)
    this.#guests.set(socket, guest)
    this.counts.open = this.#guests.size
    socket.once('close', () => this.leave(socket))
  }

  /** A request has its headers. It counts as work once its body is there, too. */
  asked(request: IncomingMessage, response: ServerResponse): void {
    const guest = this.#guests.get(request.socket)
    if (guest === undefined) return
    const begin = (): void => {
      guest.working += 1
      response.once('close', () => {
        guest.working -= 1
        this.#toTheEnd(guest)
      })
    }
    if (request.complete || !hasBody(request)) begin()
    else request.once('end', begin)
  }

  leave(socket: Socket): void {
    const guest = this.#guests.get(socket)
    if (guest === undefined) return
    this.#guests.delete(socket)
    this.counts.open = this.#guests.size
    this.#uncount(guest)
  }

  /**
   * Counts a connection of a trusted proxy for the client of its present request, until that is answered. False when the client
   * has as many under way as it may.
   */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const guest = this.#guests.get(request.socket)
    if (guest?.proxied !== true) return true
    const address = groupOf(this.#clients.of(request).address)
    const isFull = (this.#byAddress.get(address)?.size ?? 0) >= this.#limits.maxPerAddress
    if (address !== '' && isFull) return false
    this.#uncount(guest)
    guest.address = address
    this.#count(guest)
    response.once('close', () => {
      this.#uncount(guest)
      guest.address = ''
      if (this.#guests.has(guest.socket)) this.#count(guest)
    })
    return true
  }

  /** Makes room for one more of an address, if need be. */
  #hasRoom(address: string): boolean {
    const here = this.#byAddress.get(address)
    return address === '' || here === undefined || here.size < this.#limits.maxPerAddress || this.#evict(here)
  }

  #count(guest: Guest): void {
    const here = this.#byAddress.get(guest.address) ?? new Set()
    here.add(guest)
    this.#byAddress.set(guest.address, here)
  }

  #uncount(guest: Guest): void {
    const here = this.#byAddress.get(guest.address)
    here?.delete(guest)
    if (here?.size === 0) this.#byAddress.delete(guest.address)
  }

  #toTheEnd(guest: Guest): void {
    if (!this.#guests.delete(guest.socket)) return
    this.#guests.set(guest.socket, guest)
    const here = this.#byAddress.get(guest.address)
    here?.delete(guest)
    here?.add(guest)
  }

  #evict(guests: Iterable<Guest>): boolean {
    for (const { socket, working } of guests) {
      if (working > 0) continue
      this.counts.evicted += 1
      this.leave(socket)
      socket.destroy()
      return true
    }
    return false
  }

  #refuse(socket: Socket): void {
    this.counts.refused += 1
    socket.destroy()
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** One household or machine: an IPv4 address, or the half of an IPv6 address that names a network. */
function groupOf(address = ''): string {
  if (isIP(address) !== 6) return address
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length)
  const [head = '', tail = ''] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::')
    ? Array.from({ length: 8 - front.length - back.length }, () => '0')
    : []
  return [...front, ...zeros, ...back].slice(0, 4).join(':')
}

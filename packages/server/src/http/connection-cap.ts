import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isIP, type Socket } from 'node:net'

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
  readonly address: string
  /** Requests that are whole and not answered. */
  working: number
}

/**
 * Bounds the connections of an HTTP server. One more than the bound takes the place of the one that did nothing for
 * longest: idle, or still sending its first request. So whoever holds connections without asking for anything shuts
 * nobody out. Only where all are at work the new one is closed. Upgraded connections are none of these any more.
 */
export function capConnections(server: Server, limits: ConnectionLimits): ConnectionCounts {
  const cap = new ConnectionCap(limits)
  server.on('connection', (socket: Socket) => cap.enter(socket))
  server.on('request', (request: IncomingMessage, response: ServerResponse) => cap.asked(request, response))
  server.prependListener('upgrade', (request: IncomingMessage) => {
    cap.leave(request.socket)
    // Nobody else would ever answer, and the connection would be of no bound any more.
    if (server.listenerCount('upgrade') === 1) request.socket.destroy()
  })
  return cap.counts
}

class ConnectionCap {
  readonly counts: ConnectionCounts = { open: 0, evicted: 0, refused: 0 }
  readonly #limits: ConnectionLimits
  /** In the order of their last sign of work, the longest ago first. */
  readonly #guests = new Map<Socket, Guest>()
  readonly #byAddress = new Map<string, Set<Guest>>()

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  enter(socket: Socket): void {
    const guest: Guest = { socket, address: groupOf(socket.remoteAddress), working: 0 }
    const here = this.#byAddress.get(guest.address) ?? new Set()
    const { max, maxPerAddress } = this.#limits
    // Those of a Unix socket have no address, and come from our own processes.
    if (guest.address !== '' && here.size >= maxPerAddress && !this.#evict(here)) return this.#refuse(socket)
    if (this.#guests.size >= max && !this.#evict(this.#guests.values())) return this.#refuse(socket)
    here.add(guest)
    this.#byAddress.set(guest.address, here)
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

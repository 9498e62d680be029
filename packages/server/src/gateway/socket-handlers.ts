import { type Link, type LinkedSocket, linkOf } from './link.ts'

type Handler = (this: LinkedSocket) => void
type DataHandler = (this: LinkedSocket, chunk: Buffer) => void
type ReadHandler = (this: LinkedSocket, length: number, buffer: Buffer) => boolean

/** Listeners of clients' and runners' sockets. */
export interface SocketHandlers {
  readonly clientData: DataHandler
  readonly clientRead: ReadHandler
  readonly clientEnd: Handler
  readonly clientDrain: Handler
  readonly clientClose: Handler
  readonly runnerEnd: Handler
  readonly runnerDrain: Handler
  readonly runnerClose: Handler
}

/** Who is told what happens to the sockets of links. */
export interface LinkListener {
  fromClient(link: Link, chunk: Buffer): void
  clientRead(link: Link, length: number, buffer: Buffer): void
  clientEnded(link: Link): void
  clientDrained(link: Link): void
  clientClosed(link: Link): void
  /** `closed`: the socket is closed, not only the stream that it read. */
  runnerEnded(link: Link, closed: boolean): void
  runnerDrained(link: Link): void
}

/** One set of handlers for all sockets: they find their link through the socket. */
export function socketHandlers(listener: LinkListener): SocketHandlers {
  return {
    clientData(chunk) {
      const link = linkOf(this)
      if (link !== undefined) listener.fromClient(link, chunk)
    },
    clientRead(length, buffer) {
      const link = linkOf(this)
      if (link !== undefined) listener.clientRead(link, length, buffer)
      return true
    },
    clientEnd() {
      const link = linkOf(this)
      if (link !== undefined) listener.clientEnded(link)
    },
    clientDrain() {
      const link = linkOf(this)
      if (link !== undefined) listener.clientDrained(link)
    },
    clientClose() {
      const link = linkOf(this)
      if (link !== undefined) listener.clientClosed(link)
    },
    runnerEnd() {
      const link = linkOf(this)
      if (link !== undefined) listener.runnerEnded(link, false)
    },
    runnerDrain() {
      const link = linkOf(this)
      if (link !== undefined) listener.runnerDrained(link)
    },
    runnerClose() {
      const link = linkOf(this)
      if (link !== undefined) listener.runnerEnded(link, true)
    },
  }
}

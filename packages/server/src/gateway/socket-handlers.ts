import { type LinkedSocket, linkOf } from './link.ts'
import type { Splice } from './splice.ts'

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

/** One set of handlers for all sockets: they find their link through the socket. */
export function socketHandlers(splice: Splice): SocketHandlers {
  return {
    clientData(chunk) {
      const link = linkOf(this)
      if (link !== undefined) splice.fromClient(link, chunk)
    },
    clientRead(length, buffer) {
      const link = linkOf(this)
      if (link !== undefined) splice.clientRead(link, length, buffer)
      return true
    },
    clientEnd() {
      const link = linkOf(this)
      if (link !== undefined) splice.clientEnded(link)
    },
    clientDrain() {
      const link = linkOf(this)
      if (link !== undefined) splice.clientDrained(link)
    },
    clientClose() {
      const link = linkOf(this)
      if (link !== undefined) splice.clientClosed(link)
    },
    runnerEnd() {
      const link = linkOf(this)
      if (link !== undefined) splice.runnerEnded(link, false)
    },
    runnerDrain() {
      const link = linkOf(this)
      if (link !== undefined) splice.runnerDrained(link)
    },
    runnerClose() {
      const link = linkOf(this)
      if (link !== undefined) splice.runnerEnded(link, true)
    },
  }
}

import { type OnReadOpts, Socket } from 'node:net'

/** How an adopted socket is read. */
export interface AdoptOptions {
  readonly onread: OnReadOpts
  readonly highWaterMark: number
}

/** A connection that is read in our way, and what was read of it in Node's before. */
export interface Adopted {
  readonly socket: Socket
  readonly early: Buffer | null
}

/** What is used of a socket beyond its public interface; every part is looked at before it is used. */
interface Inside {
  _handle?: { readonly reading?: unknown; readonly useUserBuffer?: unknown } | null
  _server?: object | null
  readonly _readableState?: { readonly ended?: unknown }
}

/**
 * Moves an accepted connection into a new socket that reads into given buffers. Node takes `onread` for connections
 * that one makes, not for those that an HTTP server accepts, and allocates 64 KiB for each read of these: a fifth of the
 * processor time of a keystroke, and as much of its delay. A socket that is not inside as Node 24 and 26 have it, or is
 * not a plain open TCP or Unix socket that is being read, stays what it is; everything works with it as well.
 */
export function adopt(socket: Socket, options: AdoptOptions): Adopted {
  const inside = socket as unknown as Inside
  const { _handle: handle, _server: server } = inside
  if (!isFit(socket) || typeof server !== 'object' || server === null) return { socket, early: null }
  const early = socket.readableLength > 0 ? (socket.read() as Buffer | null) : null
  socket.setTimeout(0)
  // The server counts its connections down by the socket that names it.
  inside._handle = null
  inside._server = null
  const adopted = new Socket({ ...options, handle, allowHalfOpen: true } as ConstructorParameters<
    typeof Socket
  >[0])
  ;(adopted as unknown as Inside)._server = server
  adopted.on('error', () => undefined)
  return { socket: adopted, early }
}

function isFit(socket: Socket): boolean {
  const { _handle: handle, _readableState: state } = socket as unknown as Inside
  return (
    socket.constructor === Socket &&
    handle?.reading === true &&
    typeof handle.useUserBuffer === 'function' &&
    state?.ended === false &&
    !socket.destroyed &&
    socket.writable &&
    socket.writableLength === 0
  )
}

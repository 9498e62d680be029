import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { StartError } from './data-folder.ts'

/** Where to listen, and the option that chooses it. */
export interface Place {
  readonly host: string
  readonly port: number
  readonly option: string
}

const LISTEN_PROBLEMS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is taken by another program',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EACCES: 'may not be used by this user',
  ENOTFOUND: 'is not the name of a machine',
}

/** Listens. @throws {StartError} with a sentence for the operator */
export async function listen(app: FastifyInstance, place: Place): Promise<void> {
  const { host, port } = place
  try {
    await app.listen({ host, port })
  } catch (error) {
    throw explained(error, place)
  }
}

/** The port that is free, itself or, for 0, one that the system chooses. @throws {StartError} */
export async function findPort(place: Place): Promise<number> {
  const server = createServer()
  try {
    server.listen({ host: place.host, port: place.port })
    await once(server, 'listening')
  } catch (error) {
    throw explained(error, place)
  }
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function explained(error: unknown, { host, port, option }: Place): unknown {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const reason = LISTEN_PROBLEMS[code]
  if (reason === undefined) return error
  return new StartError(`${host}:${port} ${reason}; choose another with ${option}.`, { cause: error })
}

/** The address of a host and port, as this machine reaches it. */
export function urlAt(host: string, port: number): string {
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${shown.includes(':') ? `[${shown}]` : shown}:${port}`
}

/** The same of an app that listens. */
export function urlOf(app: FastifyInstance, host: string): string {
  return urlAt(host, (app.server.address() as AddressInfo).port)
}

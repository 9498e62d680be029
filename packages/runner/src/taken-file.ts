import { closeSync } from 'node:fs'

const DESCRIPTOR = /^\/(?:dev\/fd|proc\/self\/fd)\/(\d+)$/

/**
 * Reads a file once. One that is named as a descriptor is closed after that, so that no command inherits it.
 *
 * @throws {Error} when it cannot be read
 */
export function takeFile<T>(path: string, read: (source: string | number) => T): T {
  const descriptor = DESCRIPTOR.exec(path)?.[1]
  const source = descriptor === undefined ? path : Number(descriptor)
  try {
    return read(source)
  } finally {
    // Standard input and output are replaced by the terminal anyway, and Node wants them open.
    if (typeof source === 'number' && source > 2) closeSync(source)
  }
}

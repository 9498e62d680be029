// Compiled, never run: what a CommonJS app writes against the published types.
import { Cliscale } from '@cliscale/sdk'
import { CliscaleError } from '@cliscale/sdk/errors'

export const client = new Cliscale({ baseUrl: 'http://127.0.0.1:7680' })
export const isOurs = (error: unknown): error is CliscaleError => error instanceof CliscaleError

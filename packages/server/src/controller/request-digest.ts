import { createHmac } from 'node:crypto'
import { type CreateSessionRequest, isObject, MAX_IDEMPOTENCY_KEY_LENGTH } from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'

/** The Idempotency-Key of a request. @throws {CodedError} `VALIDATION_FAILED` */
export function idempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  if (
    typeof header === 'string' &&
    /^[\x21-\x7e]+$/.test(header) &&
    header.length <= MAX_IDEMPOTENCY_KEY_LENGTH
  ) {
    return header
  }
  const problem = `must be 1 to ${MAX_IDEMPOTENCY_KEY_LENGTH} visible ASCII characters`
  throw new CodedError('VALIDATION_FAILED', `The Idempotency-Key ${problem}.`, {
    details: [{ field: 'idempotency-key', problem }],
  })
}

/**
 * Digest of what a request means, to tell a repeat from another request with the same Idempotency-Key. The order of
 * fields does not count, nor whether the owner is named or is who calls: the key is the owner's either way. It is an
 * HMAC-SHA256 under a server's secret, so that the row confirms no guess at a secret in the body.
 */
export function requestDigest(body: CreateSessionRequest, key: string): Buffer {
  const { owner: _owner, ...asked } = body
  return createHmac('sha256', key)
    .update(JSON.stringify(sorted(asked)))
    .digest()
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  return Object.keys(value)
    .toSorted()
    .map((name) => [name, sorted(value[name])])
}

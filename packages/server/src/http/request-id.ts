import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { REQUEST_ID_HEADER } from '@cliscale/sdk/protocol'

const ACCEPTED = /^[\w.:-]{8,64}$/

/** The caller's request id when it is one that may stand in a log, else a new one. */
export function requestIdOf(request: { readonly headers: IncomingHttpHeaders }): string {
  const given = request.headers[REQUEST_ID_HEADER]
  return typeof given === 'string' && ACCEPTED.test(given)
    ? given
    : `req_${randomBytes(12).toString('base64url')}`
}

import { randomFillSync } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { REQUEST_ID_HEADER } from '@cliscale/sdk/protocol'

const ACCEPTED = /^[\w.:-]{8,64}$/

const ID_BYTES = 12

/** Random bytes in advance: a system call for each id would cost more than the id. */
const pool = Buffer.alloc(ID_BYTES * 256)
let used = pool.length

function newId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += ID_BYTES
  return `req_${pool.toString('base64url', used - ID_BYTES, used)}`
}

/** The caller's request id when it is one that may stand in a log, else a new one. */
export function requestIdOf(request: { readonly headers: IncomingHttpHeaders }): string {
  const given = request.headers[REQUEST_ID_HEADER]
  return typeof given === 'string' && ACCEPTED.test(given) ? given : newId()
}

import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'

import { RUNNER_ID_HEADER } from '@cliscale/sdk/protocol'

import { RefusedRequest } from './assignment.ts'
import { takeFile } from './taken-file.ts'

/** Reads the runner secret once. @throws {Error} */
export function readSecret(path: string): string {
  const secret = takeFile(path, (source) => readFileSync(source, 'utf8')).trim()
  if (secret.length < 16) throw new Error('the runner secret is shorter than 16 characters')
  return secret
}

/** Checks that a request means this runner and knows its secret. */
export class Authentication {
  readonly #runnerId: string
  readonly #digest: Buffer

  constructor(runnerId: string, secret: string) {
    this.#runnerId = runnerId
    this.#digest = digest(secret)
  }

  /** @throws {RefusedRequest} `FORBIDDEN` for another runner's id, `UNAUTHENTICATED` for another secret */
  check(request: IncomingMessage): void {
    if (request.headers[RUNNER_ID_HEADER] !== this.#runnerId) {
      throw new RefusedRequest('FORBIDDEN', `This is another runner than ${RUNNER_ID_HEADER} names.`)
    }
    const given = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
    if (!timingSafeEqual(digest(given), this.#digest)) {
      throw new RefusedRequest('UNAUTHENTICATED', 'The runner secret is missing or wrong.')
    }
  }
}

/** Digests have one length, whatever was given, so that comparing them takes one time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

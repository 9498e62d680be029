import { createHash } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'

import { BundleError } from './bundle-error.ts'

/** Passes bytes on and hashes them on the way. */
export class DigestStream extends Transform {
  readonly #hash = createHash('sha256')
  readonly #counted: (bytes: number) => void
  #bytes = 0

  /** @param counted called with the bytes so far; throws to stop */
  constructor(counted: (bytes: number) => void) {
    super()
    this.#counted = counted
  }

  /** SHA-256 of all bytes, in hexadecimal; once, after the end. */
  get sha256(): string {
    return this.#hash.digest('hex')
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length
    try {
      this.#counted(this.#bytes)
    } catch (error) {
      done(error as Error)
      return
    }
    this.#hash.update(chunk)
    done(null, chunk)
  }
}

/**
 * Compares digests.
 *
 * @param told false: what was found is not said, because by its digest short content could be guessed
 * @throws {BundleError} `BUNDLE_DIGEST_MISMATCH`
 */
export function checkDigest(found: string, expected: string, told: boolean): void {
  if (found === expected) return
  const instead = told ? `${found}, not ${expected}` : `not ${expected}`
  throw new BundleError('BUNDLE_DIGEST_MISMATCH', `The bundle's SHA-256 is ${instead}.`, {
    hint: 'The archive was changed after its digest was noted, or the digest is another archive’s.',
  })
}

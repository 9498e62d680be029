import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { KeyFileError, readOrCreateKeyFile } from '../files/key-file.ts'

const VERSION = 1
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + NONCE_BYTES

/** Sealed bytes that were changed, cut, meant for another place, or sealed under another key. */
export class UnsealError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UnsealError'
  }
}

/**
 * Seals what waits in the database: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce. A sealed value is
 * version (1 byte), nonce (12), ciphertext, tag (16). `context` is authenticated with it, so that a value copied to
 * another row does not open there.
 */
export class Sealer {
  readonly #key: Buffer

  /** `key`: 32 random bytes. */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES)
      throw new KeyFileError(`A seal key has ${KEY_BYTES} bytes, this one ${key.length}.`)
    this.#key = Buffer.from(key)
  }

  /** Reads the key; makes it when it is not there. */
  static async fromFile(path: string): Promise<Sealer> {
    const key = await readOrCreateKeyFile(path, () => randomBytes(KEY_BYTES))
    if (key.length !== KEY_BYTES)
      throw new KeyFileError(
        `The key file ${path} does not hold a seal key (${KEY_BYTES} bytes); delete it to get a new one.`,
      )
    return new Sealer(key)
  }

  /** Seals `plain` for `context`, for example a session's id. */
  seal(plain: Uint8Array, context: string): Buffer {
    const header = Buffer.concat([Buffer.of(VERSION), randomBytes(NONCE_BYTES)])
    const cipher = createCipheriv('aes-256-gcm', this.#key, header.subarray(1)).setAAD(aad(context))
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([header, body, cipher.getAuthTag()])
  }

  /** Opens what {@link seal} made for the same context. @throws {UnsealError} */
  unseal(sealed: Uint8Array, context: string): Buffer {
    if (sealed.length < HEADER_BYTES + TAG_BYTES) throw new UnsealError('The sealed value is too short.')
    if (sealed[0] !== VERSION) throw new UnsealError(`There is no sealing version ${sealed[0]}.`)
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(1, HEADER_BYTES))
      decipher.setAAD(aad(context)).setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
      const body = sealed.subarray(HEADER_BYTES, sealed.length - TAG_BYTES)
      return Buffer.concat([decipher.update(body), decipher.final()])
    } catch (error) {
      throw new UnsealError('The sealed value was changed, or sealed with another key.', { cause: error })
    }
  }
}

function aad(context: string): Buffer {
  return Buffer.concat([Buffer.of(VERSION), Buffer.from(context)])
}

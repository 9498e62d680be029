import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { KeyFileError, readOrCreateKeyFile } from '../files/key-file.ts'

const KEY_BYTES = 32
const PURPOSE = 'cliscale-runner\n'

/**
 * Derives the secret that a runner shares with controller and gateway: HMAC-SHA256 (RFC 2104) of its id under the
 * runner key, as 43 base64url characters. No row holds it.
 */
export class RunnerSecret {
  readonly #key: KeyObject

  /** `key`: 32 random bytes. */
  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES)
      throw new KeyFileError(`A runner key has ${KEY_BYTES} bytes, this one ${key.length}.`)
    this.#key = createSecretKey(key)
  }

  /** Reads the key that controller and gateway share; makes it when it is not there. */
  static async fromFile(path: string): Promise<RunnerSecret> {
    const key = await readOrCreateKeyFile(path, () => randomBytes(KEY_BYTES))
    if (key.length !== KEY_BYTES)
      throw new KeyFileError(
        `The key file ${path} does not hold a runner key (${KEY_BYTES} bytes); delete it to get a new one.`,
      )
    return new RunnerSecret(key)
  }

  /** The secret of one runner. */
  of(runnerId: string): string {
    return createHmac('sha256', this.#key).update(PURPOSE).update(runnerId).digest('base64url')
  }
}

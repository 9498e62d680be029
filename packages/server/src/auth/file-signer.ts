import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import { KeyFileError, readKeyFile, removeKeyFile, writeKeyFile } from '../files/key-file.ts'
import type { Signer } from './signing-keys.ts'

const MODULUS_BITS = 2_048
const KID = /^[A-Za-z0-9_-]{43}$/

const generate = promisify(generateKeyPair)
const signAsync = promisify(sign) as (algorithm: string, data: Uint8Array, key: KeyObject) => Promise<Buffer>

/** Private halves as PKCS #8 files of mode 0600, one a key, in a folder that all controllers share. */
export class FileSigner implements Signer {
  readonly #folder: string
  readonly #keys = new Map<string, KeyObject>()

  /** `folder`: made with mode 0700 when it is not there. */
  constructor(folder: string) {
    this.#folder = folder
  }

  async create(): ReturnType<Signer['create']> {
    const { privateKey } = await generate('rsa', { modulusLength: MODULUS_BITS })
    const publicJwk = createPublicKey(privateKey).export({ format: 'jwk' })
    const kid = await calculateJwkThumbprint(publicJwk)
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' })
    await writeKeyFile(this.#path(kid), Buffer.from(pem))
    this.#keys.set(kid, privateKey)
    return { kid, publicJwk: { ...publicJwk } }
  }

  async holds(kid: string): Promise<boolean> {
    return (await this.#load(kid)) !== null
  }

  async sign(kid: string, data: Uint8Array): Promise<Buffer> {
    const key = await this.#load(kid)
    if (key === null) throw new KeyFileError(`The signing key ${kid} is not in ${this.#folder}.`)
    return signAsync('RSA-SHA256', data, key)
  }

  async remove(kid: string): Promise<void> {
    this.#keys.delete(kid)
    await removeKeyFile(this.#path(kid))
  }

  async #load(kid: string): Promise<KeyObject | null> {
    const known = this.#keys.get(kid)
    if (known !== undefined) return known
    const pem = await readKeyFile(this.#path(kid))
    if (pem === null) return null
    const key = createPrivateKey(pem)
    this.#keys.set(kid, key)
    return key
  }

  #path(kid: string): string {
    if (!KID.test(kid)) throw new KeyFileError('A key id is 43 base64url characters.')
    return join(this.#folder, `${kid}.pem`)
  }
}

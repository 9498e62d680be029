import { FileSigner } from '../../src/auth/file-signer.ts'
import { KeyRing, type KeyRingOptions } from '../../src/auth/key-ring.ts'
import type { SigningKeyRecord, SigningKeyStore } from '../../src/auth/signing-keys.ts'
import { createLog } from '../../src/observability/log.ts'

/** Public keys in memory, for tests of tokens that need no database. */
export class KeyTable implements SigningKeyStore {
  keys: readonly SigningKeyRecord[] = []
  /** How often the table was read. */
  reads = 0
  readonly #now: () => number

  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  async list(): Promise<readonly SigningKeyRecord[]> {
    this.reads += 1
    return this.keys
  }

  async publish(kid: string, publicJwk: SigningKeyRecord['publicJwk']): Promise<void> {
    const createdAt = new Date(this.#now())
    this.keys = [
      ...this.keys,
      { kid, publicJwk, state: 'pending', createdAt, activatedAt: null, retiredAt: null },
    ]
  }

  async activate(kid: string): Promise<boolean> {
    if (!this.keys.some((key) => key.kid === kid && key.state === 'pending')) return false
    const at = new Date(this.#now())
    this.keys = this.keys.map((key) => {
      if (key.kid === kid) return { ...key, state: 'active', activatedAt: at }
      return key.state === 'active' ? { ...key, state: 'retired', retiredAt: at } : key
    })
    return true
  }

  async deleteRetired(before: Date): Promise<readonly string[]> {
    const gone = this.keys.filter(({ retiredAt }) => retiredAt !== null && retiredAt < before)
    this.keys = this.keys.filter((key) => !gone.includes(key))
    return gone.map(({ kid }) => kid)
  }
}

/** A key ring over a folder that logs nothing. */
export function keyRing(folder: string, options: Omit<KeyRingOptions, 'signer' | 'log'>): KeyRing {
  return new KeyRing({ signer: new FileSigner(folder), log: createLog({ level: 'silent' }), ...options })
}

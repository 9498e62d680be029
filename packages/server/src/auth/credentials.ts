import type { ApiKeyRecord, ApiKeyStore } from './api-keys.ts'
import { hashSecret } from './api-keys.ts'

const TOUCH_EVERY_MS = 60_000

/**
 * Finds the valid credential behind a secret. The comparison is a lookup of its SHA-256, so its time tells nothing
 * about how near a guess was: a guesser cannot steer the hash.
 */
export class Credentials {
  readonly #store: ApiKeyStore
  readonly #now: () => number

  constructor(store: ApiKeyStore, now: () => number = Date.now) {
    this.#store = store
    this.#now = now
  }

  /** Null for a secret that is unknown, of another kind, expired or revoked. */
  async find(secret: string, kind: ApiKeyRecord['kind']): Promise<ApiKeyRecord | null> {
    const record = await this.#store.findApiKeyByHash(hashSecret(secret))
    if (record === null || record.kind !== kind || record.revokedAt !== null) return null
    const now = this.#now()
    if (record.expiresAt !== null && record.expiresAt.getTime() <= now) return null
    if (record.lastUsedAt === null || record.lastUsedAt.getTime() < now - TOUCH_EVERY_MS)
      await this.#store.touchApiKey(record.id)
    return record
  }
}

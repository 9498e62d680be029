import { createHash, randomBytes } from 'node:crypto'
import { CodedError } from '../http/coded-error.ts'
import type { Identity, IdentityRequest, IdentityVerifier, Scope } from './identity.ts'

/** Every API key begins so, so that people, scanners and the log redactor know one. */
export const API_KEY_PREFIX = 'csk_'

const API_KEY = /^csk_[A-Za-z0-9_-]{43}$/

/** A credential without its secret. */
export interface ApiKeyRecord {
  readonly id: string
  readonly project: string
  /** `api`: a key for programs. `console`: a browser's sign-in. */
  readonly kind: 'api' | 'console'
  readonly name: string
  readonly scopes: readonly string[]
}

/** What a new credential's row is made of. */
export interface NewApiKey {
  readonly id: string
  readonly project: string
  readonly kind: 'api' | 'console'
  readonly name: string
  /** SHA-256 of the secret, 32 bytes. */
  readonly hash: Uint8Array
  readonly scopes: readonly string[]
  readonly expiresAt?: Date
}

/**
 * Where credentials are kept. A secret is compared by looking up its SHA-256, so the time that it takes tells nothing
 * about how near a guess was: a guesser cannot steer the hash.
 */
export interface ApiKeyStore {
  create(key: NewApiKey): Promise<ApiKeyRecord>
  /** The valid credential of this hash; null when there is none, or it is revoked or over its time. */
  findByHash(hash: Uint8Array): Promise<ApiKeyRecord | null>
  /** The valid credentials of these hashes, in no order, at the cost of one look. */
  findByHashes(hashes: readonly Uint8Array[]): Promise<ApiKeyRecord[]>
  /** False when the project has no such key or it was revoked before. */
  revoke(project: string, id: string): Promise<boolean>
}

/** A key that was just made. `secret` is shown this once and cannot be had again. */
export interface CreatedApiKey {
  readonly secret: string
  readonly record: ApiKeyRecord
}

/** A random secret with a prefix that tells its kind: 256 bits as base64url. */
export function newSecret(prefix: string): string {
  return prefix + randomBytes(32).toString('base64url')
}

/** SHA-256. Enough without salt or stretching because what is hashed is 256 random bits. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** A new credential's id. It is no secret. */
export function newKeyId(): string {
  return `key_${randomBytes(16).toString('base64url')}`
}

/** Makes an API key and stores its hash. */
export async function createApiKey(
  store: ApiKeyStore,
  key: {
    readonly project: string
    readonly name: string
    readonly scopes: readonly Scope[]
    readonly expiresAt?: Date
  },
): Promise<CreatedApiKey> {
  const secret = newSecret(API_KEY_PREFIX)
  const record = await store.create({
    id: newKeyId(),
    project: key.project,
    kind: 'api',
    name: key.name,
    hash: hashSecret(secret),
    scopes: key.scopes,
    ...(key.expiresAt === undefined ? {} : { expiresAt: key.expiresAt }),
  })
  return { secret, record }
}

/** Knows callers by `Authorization: Bearer csk_…`. */
export class ApiKeyVerifier implements IdentityVerifier {
  readonly #keys: ApiKeyStore

  constructor(keys: ApiKeyStore) {
    this.#keys = keys
  }

  async verify(request: IdentityRequest): Promise<Identity | null> {
    const secret = bearer(request)
    if (secret === null || !secret.startsWith(API_KEY_PREFIX)) return null
    const record = API_KEY.test(secret) ? await this.#keys.findByHash(hashSecret(secret)) : null
    if (record?.kind !== 'api') throw new CodedError('API_KEY_INVALID')
    return {
      subject: `key:${record.id}`,
      project: record.project,
      scopes: record.scopes as readonly Scope[],
      actsForOthers: true,
      access: record.id,
      ambient: false,
    }
  }
}

function bearer(request: IdentityRequest): string | null {
  return /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null
}

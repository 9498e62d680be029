import { createHash, randomBytes } from 'node:crypto'
import { CodedError } from '../http/coded-error.ts'
import type { Credentials } from './credentials.ts'
import type { Identity, IdentityRequest, IdentityVerifier, Scope } from './identity.ts'

/** Every API key begins so, so that people, scanners and the log redactor know one. */
export const API_KEY_PREFIX = 'csk_'

const API_KEY = /^csk_[A-Za-z0-9_-]{43}$/

/** A credential as it is stored: never the key itself, only its SHA-256. */
export interface ApiKeyRecord {
  readonly id: string
  readonly projectId: string
  /** `api`: a key for programs. `console`: a browser's sign-in. */
  readonly kind: 'api' | 'console'
  readonly name: string
  readonly scopes: readonly string[]
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

/** What a new credential's row is made of. */
export interface NewApiKey {
  readonly id: string
  readonly projectId: string
  readonly kind: 'api' | 'console'
  readonly name: string
  /** SHA-256 of the key, 32 bytes. */
  readonly hash: Buffer
  readonly scopes: readonly string[]
  readonly expiresAt: Date | null
}

/** Where credentials are kept. Looking one up by its hash takes the same time for every wrong key. */
export interface ApiKeyStore {
  insertApiKey(key: NewApiKey): Promise<ApiKeyRecord>
  /** Null when there is none; revoked and expired ones are found. */
  findApiKeyByHash(hash: Buffer): Promise<ApiKeyRecord | null>
  listApiKeys(projectId: string): Promise<readonly ApiKeyRecord[]>
  /** False when there is no such key that is not revoked yet. */
  revokeApiKey(id: string): Promise<boolean>
  /** Notes that the key was used now. May be written late or coarsely. */
  touchApiKey(id: string): Promise<void>
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

/** Makes an API key and stores its hash. */
export async function createApiKey(
  store: ApiKeyStore,
  key: {
    readonly projectId: string
    readonly name: string
    readonly scopes: readonly Scope[]
    readonly expiresAt?: Date
  },
): Promise<CreatedApiKey> {
  const secret = newSecret(API_KEY_PREFIX)
  const record = await store.insertApiKey({
    id: `key_${randomBytes(16).toString('base64url')}`,
    projectId: key.projectId,
    kind: 'api',
    name: key.name,
    hash: hashSecret(secret),
    scopes: key.scopes,
    expiresAt: key.expiresAt ?? null,
  })
  return { secret, record }
}

/** Knows callers by `Authorization: Bearer csk_…`. */
export class ApiKeyVerifier implements IdentityVerifier {
  readonly #credentials: Credentials

  constructor(credentials: Credentials) {
    this.#credentials = credentials
  }

  async verify(request: IdentityRequest): Promise<Identity | null> {
    const secret = bearer(request)
    if (secret === null || !secret.startsWith(API_KEY_PREFIX)) return null
    const record = API_KEY.test(secret) ? await this.#credentials.find(secret, 'api') : null
    if (record === null) throw new CodedError('API_KEY_INVALID')
    return {
      subject: `key:${record.id}`,
      project: record.projectId,
      scopes: record.scopes as readonly Scope[],
      actsForOthers: true,
      ambient: false,
    }
  }
}

function bearer(request: IdentityRequest): string | null {
  return /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null
}

import { createPublicKey, type KeyObject, randomBytes, verify } from 'node:crypto'
import {
  isObject,
  isRole,
  type JsonObject,
  parseObject,
  type Role,
  SESSION_TOKEN_ALGORITHM,
  SESSION_TOKEN_AUDIENCE,
  SESSION_TOKEN_TYPE,
  type SessionTokenClaims,
  TOKEN_TTL_SECONDS,
} from '@cliscale/sdk/protocol'
import { CodedError } from '../http/coded-error.ts'
import type { KeyRing } from './key-ring.ts'
import type { PublicKeyStore } from './signing-keys.ts'

/** `iss` of a server that has no public URL. */
export const DEFAULT_ISSUER = 'cliscale'

const MAX_TOKEN_LENGTH = 4_096
const COMPACT_JWT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/
const MAX_CLOCK_SKEW_SECONDS = 30
const REFRESH_AT_MOST_EVERY_MS = 1_000
const REFRESH_AT_LEAST_EVERY_MS = 300_000

/** What a new token says. */
export interface TokenRequest {
  readonly sessionId: string
  /** Owner of the session. */
  readonly subject: string
  readonly role: Role
  /** 5 to 600. */
  readonly ttlSeconds: number
  /** Id that is stored for the one redemption. Default: a new one. */
  readonly jti?: string
}

/** A signed token and what the database must know of it. */
export interface MintedToken {
  readonly token: string
  readonly jti: string
  readonly expiresAt: Date
}

/** 128 random bits as a token's id. */
export function newTokenId(): string {
  return randomBytes(16).toString('base64url')
}

/** Signs session tokens (JWT, RFC 7519). It stores nothing: a token opens a session only once its `jti` is stored. */
export class TokenIssuer {
  readonly #keys: KeyRing
  readonly #issuer: string
  readonly #now: () => number

  constructor(options: { readonly keys: KeyRing; readonly issuer: string; readonly now?: () => number }) {
    this.#keys = options.keys
    this.#issuer = options.issuer
    this.#now = options.now ?? Date.now
  }

  /** Signs a token. @throws {RangeError} for a life outside 5 to 600 seconds */
  async mint(request: TokenRequest): Promise<MintedToken> {
    const { min, max } = TOKEN_TTL_SECONDS
    if (!(request.ttlSeconds >= min && request.ttlSeconds <= max))
      throw new RangeError(`A session token lives ${min} to ${max} seconds, not ${request.ttlSeconds}.`)
    const iat = Math.floor(this.#now() / 1_000)
    const claims: SessionTokenClaims = {
      iss: this.#issuer,
      aud: SESSION_TOKEN_AUDIENCE,
      sub: request.subject,
      sid: request.sessionId,
      role: request.role,
      jti: request.jti ?? newTokenId(),
      iat,
      exp: iat + Math.floor(request.ttlSeconds),
    }
    const kid = await this.#keys.activeKid()
    const signed = `${encode({ alg: SESSION_TOKEN_ALGORITHM, typ: SESSION_TOKEN_TYPE, kid })}.${encode(claims)}`
    const signature = await this.#keys.sign(kid, Buffer.from(signed))
    const token = `${signed}.${signature.toString('base64url')}`
    return { token, jti: claims.jti, expiresAt: new Date(claims.exp * 1_000) }
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** What a {@link TokenVerifier} needs. */
export interface TokenVerifierOptions {
  readonly store: PublicKeyStore
  readonly issuer: string
  /** Told when the keys could not be read again; the known ones stay good. */
  readonly onRefreshError?: (error: unknown) => void
  readonly now?: () => number
}

/**
 * Checks session tokens. Algorithm, type, audience, issuer and session are pinned; the key is looked up by `kid` in a
 * copy of the published keys, read anew when a token names one that is not in it, and every five minutes so that
 * deleted keys are forgotten. A verified token still has to be redeemed.
 */
export class TokenVerifier {
  readonly #options: TokenVerifierOptions
  readonly #now: () => number
  #keys: ReadonlyMap<string, KeyObject> = new Map()
  #refreshedAt = Number.NEGATIVE_INFINITY
  #refreshing: Promise<void> | undefined
  #refreshFailures = 0

  constructor(options: TokenVerifierOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** How often the published keys could not be read. */
  get refreshFailures(): number {
    return this.#refreshFailures
  }

  /** Number of keys that tokens may be signed with now. */
  get keyCount(): number {
    return this.#keys.size
  }

  /**
   * The claims of a valid token.
   * @throws {CodedError} `TOKEN_INVALID`, `TOKEN_EXPIRED`, or what the store throws when the keys cannot be read
   */
  async verify(token: string, sessionId: string): Promise<SessionTokenClaims> {
    if (token.length > MAX_TOKEN_LENGTH) throw invalid('it is too long')
    const [, head, body, signature] = COMPACT_JWT.exec(token) ?? []
    if (head === undefined || body === undefined || signature === undefined) throw invalid('it is not a JWT')
    const kid = readKid(head)
    const key = this.#known(kid) ?? (await this.#lookUp(kid))
    const signed = Buffer.from(token.slice(0, head.length + body.length + 1))
    if (!verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url')))
      throw invalid('its signature does not fit')
    return this.#check(readPart(body), sessionId)
  }

  /** Reads the published keys again. Runs once at a time. */
  async refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = undefined
    })
    await this.#refreshing
  }

  async #read(): Promise<void> {
    const records = await this.#options.store.list().catch((error: unknown) => {
      this.#refreshFailures += 1
      throw error
    })
    this.#keys = new Map(
      records.map(({ kid, publicJwk }) => [kid, createPublicKey({ key: publicJwk, format: 'jwk' })]),
    )
    this.#refreshedAt = this.#now()
  }

  #known(kid: string): KeyObject | undefined {
    const known = this.#keys.get(kid)
    const age = this.#now() - this.#refreshedAt
    if (known !== undefined && age >= REFRESH_AT_LEAST_EVERY_MS && this.#refreshing === undefined)
      this.refresh().catch(this.#options.onRefreshError ?? (() => undefined))
    return known
  }

  async #lookUp(kid: string): Promise<KeyObject> {
    if (this.#now() - this.#refreshedAt >= REFRESH_AT_MOST_EVERY_MS) await this.refresh()
    const found = this.#keys.get(kid)
    if (found === undefined) throw invalid('it was signed with an unknown key')
    return found
  }

  #check(claims: JsonObject, sessionId: string): SessionTokenClaims {
    const { iss, aud, sub, sid, role, jti, iat, exp } = claims
    if (iss !== this.#options.issuer) throw invalid('another server issued it')
    if (aud !== SESSION_TOKEN_AUDIENCE) throw invalid('it is for something else')
    if (sid !== sessionId) throw invalid('it is for another session')
    if (!isText(sub) || !isText(jti) || !isRole(role) || !isTime(iat) || !isTime(exp))
      throw invalid('a claim is missing')
    const now = this.#now() / 1_000
    if (iat > now + MAX_CLOCK_SKEW_SECONDS || exp - iat > TOKEN_TTL_SECONDS.max)
      throw invalid('its times are not plausible')
    if (exp <= now) throw new CodedError('TOKEN_EXPIRED')
    return { iss, aud, sub, sid, role, jti, iat, exp }
  }
}

function readKid(head: string): string {
  const { alg, typ, kid, crit } = readPart(head)
  if (alg !== SESSION_TOKEN_ALGORITHM || typ !== SESSION_TOKEN_TYPE || crit !== undefined)
    throw invalid('it is not a session token')
  if (!isText(kid)) throw invalid('it names no key')
  return kid
}

function readPart(part: string): JsonObject {
  let value: unknown
  try {
    value = parseObject(Buffer.from(part, 'base64url').toString('utf8'), 'the token')
  } catch (error) {
    throw new CodedError('TOKEN_INVALID', 'The session token is not valid: it is not a JWT.', {
      cause: error,
    })
  }
  return isObject(value) ? value : {}
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 1_024
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function invalid(why: string): CodedError {
  return new CodedError('TOKEN_INVALID', `The session token is not valid: ${why}.`)
}

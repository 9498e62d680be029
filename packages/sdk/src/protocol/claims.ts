/** What a session token allows. `driver` may type and own the size; `observer` only sees. */
export const ROLES = ['driver', 'observer'] as const

/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number]

/** `alg` of a session token; anything else is refused. */
export const SESSION_TOKEN_ALGORITHM = 'RS256'

/** `typ` header of a session token, so that no other JWT of the same issuer can be used as one. */
export const SESSION_TOKEN_TYPE = 'cliscale-session+jwt'

/** `aud` of a session token. */
export const SESSION_TOKEN_AUDIENCE = 'cliscale-gateway'

/**
 * Claims of a session token: a JWT (RFC 7519) signed with RS256, valid for at most ten minutes, redeemed once.
 * Times are seconds since the epoch.
 */
export interface SessionTokenClaims {
  /** Issuer: the server's public URL, or `cliscale` when none is configured. */
  readonly iss: string
  /** Always {@link SESSION_TOKEN_AUDIENCE}. */
  readonly aud: typeof SESSION_TOKEN_AUDIENCE
  /** Owner of the session. */
  readonly sub: string
  /** Id of the one session that the token opens. */
  readonly sid: string
  /** What the bearer may do. */
  readonly role: Role
  /** Random id, redeemed once. */
  readonly jti: string
  readonly iat: number
  readonly exp: number
}

/** True for a role name. */
export function isRole(value: unknown): value is Role {
  return (ROLES as readonly unknown[]).includes(value)
}

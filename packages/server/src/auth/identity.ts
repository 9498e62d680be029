import type { IncomingHttpHeaders } from 'node:http'
import type { Client } from '../http/client.ts'

/** What an identity may do in its project. */
export const SCOPES = ['sessions:read', 'sessions:write', 'admin'] as const

/** One of {@link SCOPES}. */
export type Scope = (typeof SCOPES)[number]

/** Who is calling. */
export interface Identity {
  /** Whose sessions are made when a request names no owner: `key:<id>`, `console`, or an issuer's subject. */
  readonly subject: string
  /** Project that the sessions belong to. */
  readonly project: string
  readonly scopes: readonly Scope[]
  /** True for a server-side credential, which may name any owner and sees every owner's sessions of its project. */
  readonly actsForOthers: boolean
  /**
   * Id of the API key or console sign-in of this server that the caller came through; what is opened through it closes
   * when that is revoked or over its time. Left out for credentials of others, whose end this server does not learn.
   */
  readonly access?: string
  /** True when the browser sends the credential by itself (a cookie), so that unsafe requests need a same-origin check. */
  readonly ambient: boolean
}

/** The part of a request that identities are read from. */
export interface IdentityRequest {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  /** Who sent it, as `--trusted-proxies` lets proxies say, or another app that the API is mounted in. */
  readonly client: Client
}

/** One way of knowing who calls. */
export interface IdentityVerifier {
  /**
   * Null when the request carries no credential of this kind.
   * @throws {CodedError} `API_KEY_INVALID` and its kin when it carries a wrong one
   */
  verify(request: IdentityRequest): Promise<Identity | null>
}

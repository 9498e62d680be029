import { CodedError } from '../http/coded-error.ts'
import type { HostCheck } from '../http/host-check.ts'

/** Who may open a terminal. */
export interface OriginOptions {
  /** Judges the Host header, as for all other requests. */
  readonly hosts: Pick<HostCheck, 'assert'>
  /** Allowed origins of pages, exactly as browsers send them (`https://app.example`). The server's own are always allowed. */
  readonly allowedOrigins: readonly string[]
  /** The server's public URL. */
  readonly publicUrl: string | null
}

/** Headers of an upgrade; the host is the one that the client asked for. */
export interface AskedFrom {
  readonly host: string | undefined
  readonly origin: string | undefined
}

/** Longest part of a refused origin that is repeated in the message. */
const MAX_SHOWN = 200

/**
 * Judges Host and Origin of upgrades. Handshakes carry cookies and know no CORS, so a page of another origin could
 * open one in the user's name (CWE-1385); a one-time token already stops that, the exact list of origins stops it
 * first. Programs send no Origin and are let through to the token check.
 */
export class OriginCheck {
  private readonly hosts: Pick<HostCheck, 'assert'>
  private readonly allowed: ReadonlySet<string>

  constructor(options: OriginOptions) {
    const own = options.publicUrl === null ? [] : [new URL(options.publicUrl).origin]
    this.hosts = options.hosts
    this.allowed = new Set([...options.allowedOrigins, ...own])
  }

  /** @throws {CodedError} `HOST_REFUSED` */
  checkHost(host: string | undefined): void {
    this.hosts.assert(host)
  }

  /** @throws {CodedError} `ORIGIN_REFUSED` */
  checkOrigin({ host, origin }: AskedFrom): void {
    if (origin === undefined || this.allowed.has(origin)) return
    // The page that this very server sent.
    if (host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)) return
    const shown = origin.slice(0, MAX_SHOWN)
    throw new CodedError(
      'ORIGIN_REFUSED',
      `Pages of ${shown} may not open terminals here; the operator allows them with --allowed-origins=${shown}.`,
    )
  }
}

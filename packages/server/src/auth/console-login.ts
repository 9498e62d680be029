import type { Client } from '../http/client.ts'
import { CodedError } from '../http/coded-error.ts'
import { type ApiKeyRecord, type ApiKeyStore, hashSecret, newKeyId, newSecret } from './api-keys.ts'
import { type Identity, type IdentityRequest, type IdentityVerifier, SCOPES } from './identity.ts'

/** Life of a code in a printed link. */
export const LOGIN_CODE_TTL_MS = 3_600_000

/** Life of a browser's sign-in. */
export const CONSOLE_LOGIN_TTL_MS = 30 * 86_400_000

const CODE_PREFIX = 'csl_'
const COOKIE_PREFIX = 'csc_'
const SECRET = /^csc_[A-Za-z0-9_-]{43}$/
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Where one-time codes are kept. */
export interface LoginCodeStore {
  create(code: {
    readonly hash: Uint8Array
    readonly project: string
    readonly expiresAt: Date
  }): Promise<void>
  /** The code's project, once; null when it is unknown, used or over its time. */
  redeem(hash: Uint8Array): Promise<string | null>
}

/** A browser that signed in: the header to send back. */
export interface ConsoleLogin {
  readonly setCookie: string
  readonly expiresAt: Date
}

/** What {@link ConsoleLogins} needs. */
export interface ConsoleLoginOptions {
  readonly keys: ApiKeyStore
  readonly codes: LoginCodeStore
  /** True when all browsers reach the server over https: the cookie is then `__Host-` and `Secure`, as for each that does. */
  readonly secure: boolean
  readonly now?: () => number
}

/**
 * Signs browsers in to the console. A one-time code travels in a link's fragment, which browsers never send; the page
 * exchanges it for a cookie. The cookie is HttpOnly and SameSite=Strict, and because a browser sends it by itself,
 * it counts only in requests that the console's own page made.
 */
export class ConsoleLogins implements IdentityVerifier {
  readonly #options: ConsoleLoginOptions
  readonly #now: () => number

  constructor(options: ConsoleLoginOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** Makes a code for a link; good for one hour and one use. */
  async createCode(project: string): Promise<string> {
    const code = newSecret(CODE_PREFIX)
    const expiresAt = new Date(this.#now() + LOGIN_CODE_TTL_MS)
    await this.#options.codes.create({ hash: hashSecret(code), project, expiresAt })
    return code
  }

  /** Exchanges a code for a cookie. @throws {CodedError} `UNAUTHENTICATED` */
  async login(code: string, client: Client): Promise<ConsoleLogin> {
    const project = await this.#options.codes.redeem(hashSecret(code))
    if (project === null)
      throw new CodedError(
        'UNAUTHENTICATED',
        'This link was used before or is over its time; run "cliscale-server login" to get a new one.',
      )
    const secret = newSecret(COOKIE_PREFIX)
    const expiresAt = new Date(this.#now() + CONSOLE_LOGIN_TTL_MS)
    await this.#options.keys.create({
      id: newKeyId(),
      project,
      kind: 'console',
      name: 'console',
      hash: hashSecret(secret),
      scopes: SCOPES,
      expiresAt,
    })
    return { setCookie: this.#cookie(secret, client, CONSOLE_LOGIN_TTL_MS / 1_000), expiresAt }
  }

  /** Ends the browser's sign-in. Resolves to the header that clears its cookie. */
  async logout(request: IdentityRequest): Promise<string> {
    for (const { project, id } of await this.#find(this.#read(request)))
      await this.#options.keys.revoke(project, id)
    return this.#cookie('', request.client, 0)
  }

  async verify(request: IdentityRequest): Promise<Identity | null> {
    const values = this.#read(request)
    if (values.length === 0) return null
    assertOwnPage(request)
    const [record] = await this.#find(values)
    if (record === undefined)
      throw new CodedError(
        'UNAUTHENTICATED',
        'This browser is not signed in any more; run "cliscale-server login" to get a new link.',
      )
    return {
      subject: 'console',
      project: record.project,
      scopes: SCOPES,
      actsForOthers: true,
      access: record.id,
      ambient: true,
    }
  }

  /** The sign-ins that are valid. Whatever is no secret of ours costs no look. */
  async #find(values: readonly string[]): Promise<readonly ApiKeyRecord[]> {
    const secrets = [...new Set(values.filter((value) => SECRET.test(value)))]
    if (secrets.length === 0) return []
    const records = await this.#options.keys.findByHashes(secrets.map(hashSecret))
    return records.filter(({ kind }) => kind === 'console')
  }

  /**
   * All values of the console's cookie. There may be several: whatever listens on another port of this host can set one of the
   * same name, for another path or earlier than ours, and must not shut the browser out.
   */
  #read({ headers, client }: IdentityRequest): readonly string[] {
    const name = this.#name(client)
    return (headers.cookie ?? '').split(';').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at > 0 && pair.slice(0, at).trim() === name ? [pair.slice(at + 1).trim()] : []
    })
  }

  #cookie(value: string, client: Client, maxAge: number): string {
    const secure = this.#isSecure(client) ? '; Secure' : ''
    return `${this.#name(client)}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`
  }

  /** Cookies do not know ports: the port in the name keeps two servers on one machine from signing each other out. */
  #name(client: Client): string {
    const port = /:(\d{1,5})$/.exec(client.host ?? '')?.[1]
    return `${this.#isSecure(client) ? '__Host-' : ''}cliscale_console${port === undefined ? '' : `_${port}`}`
  }

  #isSecure({ protocol }: Client): boolean {
    return this.#options.secure || protocol === 'https'
  }
}

/**
 * Refuses a request that another page made the browser send (cross-site request forgery). Fetch metadata decides
 * where it is there; else an unsafe method needs an Origin that is the server's own.
 *
 * @throws {CodedError} `ORIGIN_REFUSED`
 */
export function assertOwnPage(request: IdentityRequest): void {
  const site = request.headers['sec-fetch-site']
  const safe = SAFE_METHODS.has(request.method)
  if (site === 'same-origin' || (site === 'none' && safe)) return
  if (site === undefined && (safe || isOwnOrigin(request))) return
  throw new CodedError('ORIGIN_REFUSED', 'A console sign-in counts only in requests of the console itself.')
}

function isOwnOrigin({ headers: { origin }, client: { host } }: IdentityRequest): boolean {
  if (origin === undefined || host === undefined) return false
  return origin === `https://${host}` || origin === `http://${host}`
}

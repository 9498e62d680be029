import { CodedError } from './coded-error.ts'

/**
 * Refuses requests for other host names. It guards against DNS rebinding, where a foreign name is made to point to
 * this server so that a foreign page becomes "same origin".
 */
export class HostCheck {
  readonly #hosts: ReadonlySet<string> | null

  /** `hosts`: names that the Host header may have, without port; null allows any. */
  constructor(hosts: readonly string[] | null) {
    this.#hosts = hosts === null ? null : new Set(hosts.map((host) => host.toLowerCase()))
  }

  /** @throws {CodedError} `HOST_REFUSED` */
  assert(host: string | undefined): void {
    if (this.#hosts === null) return
    const name = host === undefined ? null : hostName(host)
    if (name !== null && this.#hosts.has(name)) return
    throw new CodedError(
      'HOST_REFUSED',
      host === undefined
        ? 'The request has no Host header.'
        : `This server does not answer for ${JSON.stringify(host.slice(0, 100))}; add it to --allowed-hosts if it should.`,
    )
  }
}

/** `example.com:8080` → `example.com`, `[::1]:80` → `[::1]`; null for anything that is not a host. */
export function hostName(host: string): string | null {
  return /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase() ?? null
}

import { createError } from './create-error.ts'
import type { HttpClient } from './http/http-client.ts'
import type { ListSessionsOptions } from './options.ts'
import { isObject, type SessionInfo } from './protocol/index.ts'
import type { Session } from './session.ts'

/**
 * Sessions, newest first: an async iterable over all pages, or page by page.
 *
 * @example
 * ```ts
 * for await (const session of cliscale.sessions.list({ state: 'live' })) console.log(session.id)
 * ```
 */
export class SessionList implements AsyncIterable<Session> {
  readonly #http: HttpClient
  readonly #options: ListSessionsOptions
  readonly #toSession: (info: SessionInfo) => Session
  #cursor: string | null | undefined

  /** @internal */
  constructor(http: HttpClient, options: ListSessionsOptions, toSession: (info: SessionInfo) => Session) {
    this.#http = http
    this.#options = options
    this.#toSession = toSession
    this.#cursor = options.cursor
  }

  /** Where the next page begins; `null` behind the last one, undefined before the first. */
  get cursor(): string | null | undefined {
    return this.#cursor
  }

  /** False once the last page was read. */
  get hasNextPage(): boolean {
    return this.#cursor !== null
  }

  /** Reads the next page; empty behind the last one. */
  async nextPage(): Promise<Session[]> {
    if (this.#cursor === null) return []
    const { state, owner, limit, metadata = {} } = this.#options
    const filters = Object.entries(metadata).map(([key, value]) => [`metadata[${key}]`, value] as const)
    const answer = await this.#http.request(
      {
        method: 'GET',
        path: '/v1/sessions',
        query: {
          state,
          owner,
          limit: limit === undefined ? undefined : String(limit),
          cursor: this.#cursor,
          ...Object.fromEntries(filters),
        },
      },
      this.#options,
    )
    if (!isObject(answer) || !Array.isArray(answer.sessions)) throw createError('INVALID_RESPONSE')
    this.#cursor = typeof answer.nextCursor === 'string' ? answer.nextCursor : null
    return answer.sessions.map((info: SessionInfo) => this.#toSession(info))
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Session> {
    while (this.hasNextPage) yield* await this.nextPage()
  }
}

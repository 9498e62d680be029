import { HttpClient } from './http/http-client.ts'
import type { CliscaleOptions } from './options.ts'
import { Sessions } from './sessions.ts'
import { Templates } from './templates.ts'

/**
 * A client of one Cliscale server. It holds no connection and needs no closing.
 *
 * @example
 * ```ts
 * const cliscale = new Cliscale({ baseUrl: 'http://127.0.0.1:7680', apiKey: process.env.CLISCALE_API_KEY })
 * await using session = await cliscale.sessions.create({ command: 'uname', args: ['-a'] })
 * console.log(await session.connect().text())
 * ```
 */
export class Cliscale {
  /** Starts, finds and ends sessions. */
  readonly sessions: Sessions
  /** The operator's recipes. */
  readonly templates: Templates

  readonly #http: HttpClient

  /** @throws {CliscaleError} `INVALID_OPTION` for a base address that is missing or can never work */
  constructor(options: CliscaleOptions) {
    const http = new HttpClient(options)
    this.#http = http
    this.sessions = new Sessions(http)
    this.templates = new Templates(http)
  }

  /**
   * Milliseconds until a time that the server told (`expiresAt`, `at`, …), negative when it is over: by the server's
   * clock, as its answers to this client show it, because the clock here may be wrong by hours.
   */
  msUntil(time: string | Date): number {
    return this.#http.clock.msUntil(time)
  }
}

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

  constructor(options: CliscaleOptions) {
    const http = new HttpClient(options)
    this.sessions = new Sessions(http)
    this.templates = new Templates(http)
  }
}

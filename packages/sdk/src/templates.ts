import { createError } from './create-error.ts'
import type { HttpClient } from './http/http-client.ts'
import type { CallOptions } from './options.ts'
import { isObject, type TemplateInfo } from './protocol/index.ts'

/** The operator's recipes for sessions. */
export class Templates {
  readonly #http: HttpClient

  /** @internal */
  constructor(http: HttpClient) {
    this.#http = http
  }

  /** Lists the templates that sessions can be made from. */
  async list(options: CallOptions = {}): Promise<readonly TemplateInfo[]> {
    const answer = await this.#http.request({ method: 'GET', path: '/v1/templates' }, options)
    if (!isObject(answer) || !Array.isArray(answer.templates)) throw createError('INVALID_RESPONSE')
    return answer.templates as readonly TemplateInfo[]
  }
}

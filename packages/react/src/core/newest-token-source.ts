import type { TerminalToken, TokenRequest, TokenSource } from '@cliscale/sdk'

/**
 * A token source is often made anew at every render. This one stays the same and asks the newest, so that a render
 * never reconnects.
 */
export class NewestTokenSource implements TokenSource {
  #source: TokenSource | null = null

  set(source: TokenSource | null): void {
    this.#source = source
  }

  async getToken(request: TokenRequest): Promise<TerminalToken> {
    if (this.#source === null) throw new Error('The terminal has no token source any more.')
    return await this.#source.getToken(request)
  }
}

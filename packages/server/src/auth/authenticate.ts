import { CodedError } from '../http/coded-error.ts'
import type { Identity, IdentityRequest, IdentityVerifier, Scope } from './identity.ts'

/** Asks the ways of knowing a caller in turn; the first that finds its credential decides. */
export class Authenticator {
  readonly #verifiers: readonly IdentityVerifier[]

  constructor(verifiers: readonly IdentityVerifier[]) {
    this.#verifiers = verifiers
  }

  /**
   * Who is calling.
   * @throws {CodedError} `UNAUTHENTICATED` without any credential; what a verifier throws for a wrong one
   */
  async authenticate(request: IdentityRequest): Promise<Identity> {
    for (const verifier of this.#verifiers) {
      const identity = await verifier.verify(request)
      if (identity !== null) return identity
    }
    throw new CodedError('UNAUTHENTICATED')
  }
}

/** Refuses an identity without a scope; `admin` has every scope. @throws {CodedError} `FORBIDDEN` */
export function requireScope(identity: Identity, scope: Scope): void {
  if (identity.scopes.includes(scope) || identity.scopes.includes('admin')) return
  throw new CodedError('FORBIDDEN', `This needs the scope ${scope}; use a key that has it.`)
}

import type { FastifyRequest } from 'fastify'
import { ApiKeyVerifier } from '../auth/api-keys.ts'
import { Authenticator, requireScope } from '../auth/authenticate.ts'
import { ConsoleLogins } from '../auth/console-login.ts'
import type { Identity, IdentityVerifier, Scope } from '../auth/identity.ts'
import { clientOf } from '../http/client.ts'
import type { Store } from '../store/store.ts'

/** Ways in: who calls, and how a browser signs in. */
export interface Doors {
  readonly logins: ConsoleLogins
  /** Who calls, once it may do this. @throws {CodedError} `UNAUTHENTICATED`, `API_KEY_INVALID`, `FORBIDDEN` */
  readonly identify: (request: FastifyRequest, scope: Scope) => Promise<Identity>
}

/** Verifiers of the installation's own come first, then API keys, then the console's cookie. */
export function openDoors(options: {
  readonly store: Store
  readonly https: boolean
  readonly verifiers?: readonly IdentityVerifier[]
}): Doors {
  const { apiKeys, loginCodes } = options.store
  const logins = new ConsoleLogins({ keys: apiKeys, codes: loginCodes, secure: options.https })
  const authenticator = new Authenticator([...(options.verifiers ?? []), new ApiKeyVerifier(apiKeys), logins])
  return {
    logins,
    identify: async (request, scope) => {
      const identity = await authenticator.authenticate({
        method: request.method,
        headers: request.headers,
        client: clientOf(request),
      })
      requireScope(identity, scope)
      return identity
    },
  }
}

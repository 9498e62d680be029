import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { clientOf } from '../http/client.ts'
import { assertOwnPage, type ConsoleLogins } from './console-login.ts'
import { type PublicKeyStore, toJwks } from './signing-keys.ts'

const JWKS_CACHE_SECONDS = 300

/** A key is published long before its first use, so an answer may be so old. */
const JWKS_FRESH_MS = 2_000

const LoginBody = Type.Object(
  {
    code: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'The code of a link that the server printed.',
    }),
  },
  { additionalProperties: false },
)

/** `GET /.well-known/jwks.json`: the keys that session tokens are signed with, now or soon. */
export function addJwksRoute(app: FastifyInstance, keys: PublicKeyStore): void {
  const schema = {
    operationId: 'getJwks',
    tags: ['tokens'],
    summary: 'Public keys of session tokens (RFC 7517)',
    security: [],
    response: { 200: Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) }) },
  }
  const cached = fromMemory(async () => toJwks(await keys.list()))
  app.get('/.well-known/jwks.json', { schema }, async (_request, reply) =>
    reply.header('cache-control', `public, max-age=${JWKS_CACHE_SECONDS}`).send(await cached()),
  )
}

/** Reads once for all who ask within {@link JWKS_FRESH_MS}: the address needs no sign-in, the database has few connections. */
function fromMemory<T>(read: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined
  let readAt = 0
  return () => {
    const now = performance.now()
    if (kept !== undefined && now - readAt < JWKS_FRESH_MS) return kept
    const reading = read()
    kept = reading
    readAt = now
    reading.catch(() => {
      if (kept === reading) kept = undefined
    })
    return reading
  }
}

/** `POST /v1/console/login` and `/logout`: a browser's sign-in by a one-time code. */
export function addConsoleLoginRoutes(app: FastifyInstance, logins: ConsoleLogins): void {
  const common = { tags: ['console'], response: { 204: Type.Null({ description: 'Done.' }) } }
  const login = {
    ...common,
    operationId: 'signInConsole',
    summary: 'Exchange a one-time code for the console’s cookie',
    security: [],
    body: LoginBody,
  }
  app.post<{ Body: { code: string } }>('/v1/console/login', { schema: login }, async (request, reply) => {
    const { setCookie } = await logins.login(request.body.code, clientOf(request))
    return reply.header('set-cookie', setCookie).header('cache-control', 'no-store').code(204).send()
  })
  const logout = {
    ...common,
    operationId: 'signOutConsole',
    summary: 'End this browser’s sign-in',
    security: [],
  }
  app.post('/v1/console/logout', { schema: logout }, async (request, reply) => {
    const asked = { method: request.method, headers: request.headers, client: clientOf(request) }
    assertOwnPage(asked)
    return reply
      .header('set-cookie', await logins.logout(asked))
      .code(204)
      .send()
  })
}

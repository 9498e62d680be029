import { MAX_BODY_BYTES } from '@cliscale/sdk/protocol'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { redact } from '../observability/redact.ts'
import { clientOf } from './client.ts'
import { CodedError } from './coded-error.ts'
import { retryAfterSeconds, statusOf, toCodedError, toErrorBody } from './error-body.ts'
import { assertForm } from './request-form.ts'
import { RouteTable } from './route-table.ts'
import { assertStorable } from './storable-text.ts'
import { validatorCompiler } from './validation.ts'

/**
 * Gives a Fastify scope the manners of the API: coded errors, strict schemas, JSON bodies only, refused unknown query
 * fields, no text that cannot be kept, no request that others read otherwise. It touches nothing outside the scope, so the API can live inside another app.
 */
export function applyApiManners(
  scope: FastifyInstance,
  options: { /** False where another app answers for unknown addresses. */ readonly notFound?: boolean } = {},
): void {
  const routes = new RouteTable()
  scope.setValidatorCompiler(validatorCompiler)
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data))
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'string' }, parseJson(scope))
  scope.addHook('onRoute', (route) => {
    routes.add(route.method, route.url)
    route.bodyLimit ??= MAX_BODY_BYTES
    route.schema = { querystring: NO_QUERY, ...route.schema }
  })
  scope.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id)
  })
  scope.addHook('onRequest', async (request, reply) => refuseForm(request, reply))
  scope.addHook('preValidation', async (request) => assertStorable(request))
  scope.setErrorHandler(sendError)
  if (options.notFound === false) return
  const refuse = (request: FastifyRequest, reply: FastifyReply): never => {
    const methods = routes.methodsOf(request.url.split('?')[0] ?? '')
    if (methods.length > 0) reply.header('allow', methods.join(', '))
    throw notFound(methods, request)
  }
  // Before its body is looked at: Fastify asks more of that for some methods, and says so in its own words.
  scope.addHook('preParsing', async (request, reply) => {
    if (request.is404) refuse(request, reply)
  })
  scope.setNotFoundHandler(refuse)
}

/** What follows such a request on its connection may be part of it, so it is not listened to. */
function refuseForm({ raw }: FastifyRequest, reply: FastifyReply): void {
  try {
    assertForm(raw)
  } catch (error) {
    reply.raw.shouldKeepAlive = false
    throw error
  }
}

const NO_QUERY = { type: 'object', properties: {}, additionalProperties: false }

type JsonParser = (
  request: FastifyRequest,
  body: string,
  done: (error: Error | null, body?: unknown) => void,
) => void

/** An empty body is no body. Keys that would reach an object's prototype are refused. */
function parseJson(scope: FastifyInstance): JsonParser {
  const parse = scope.getDefaultJsonParser('error', 'error')
  return (request, body, done) => {
    if (body.trim() === '') return done(null, undefined)
    void parse(request, body, (error, value: unknown) =>
      error === null
        ? done(null, value)
        : done(new CodedError('MALFORMED_JSON', undefined, { cause: error })),
    )
  }
}

/** Answers any error in the one shape that clients know. */
export function sendError(
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const coded = hasLeft(request) ? new CodedError('BAD_REQUEST', LEFT, { cause: error }) : toCodedError(error)
  const status = statusOf(coded)
  if (status >= 500)
    request.log.error(
      { err: redact(error), code: coded.code, address: clientOf(request).address },
      'A request failed',
    )
  const retryAfter = retryAfterSeconds(coded)
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  // Fastify would close after a body that it did not take, and who is cut off while it sends never sees why: the rest is
  // read and dropped, within the time that a request has.
  reply.removeHeader('connection')
  request.raw.resume()
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="cliscale"')
  return reply
    .code(status)
    .header('x-request-id', request.id)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(toErrorBody(coded, request.id))
}

const LEFT = 'The connection ended before the request did.'

/** Its client went away before the end of its body: whatever comes of that is no fault of the server. */
function hasLeft({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete
}

/** The refusal of a path or method that no route has. */
function notFound(methods: readonly string[], request: FastifyRequest): CodedError {
  if (methods.length === 0) return new CodedError('NOT_FOUND')
  return new CodedError(
    'METHOD_NOT_ALLOWED',
    `This address takes ${methods.join(', ')}, not ${request.method}.`,
  )
}

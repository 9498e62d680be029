import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { CodedError } from '../../http/coded-error.ts'
import type { Identity } from '../../auth/identity.ts'
import { findOwned, ownerFilter } from '../access.ts'
import { type EventSource, EventStream } from '../event-stream.ts'
import { SessionParams } from '../schemas.ts'
import type { RoutesContext } from './context.ts'
import { endWithAccess } from './long-answer.ts'

const EVENT_STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would hold the events back.
  'x-accel-buffering': 'no',
} as const

const headers = Type.Object({ 'last-event-id': Type.Optional(Type.String({ maxLength: 32 })) })

/** `GET /v1/sessions/{id}/events` and `GET /v1/events`: server-sent events. */
export function eventRoutes(app: FastifyInstance, context: RoutesContext): void {
  sessionEventsRoute(app, context)
  projectEventsRoute(app, context)
}

function sessionEventsRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'followSession',
    summary: "Follow a session's events",
    description: 'Server-sent events from the first on, or after Last-Event-ID; ends after `ended`.',
    tags: ['events'],
    params: SessionParams,
    headers,
    produces: ['text/event-stream'],
  }
  app.get<{ Params: { id: string } }>('/v1/sessions/:id/events', { schema }, async (request, reply) => {
    const identity = await context.identify(request, 'sessions:read')
    const { info } = await findOwned(context.store.sessions, identity, request.params.id)
    const source: EventSource = {
      read: (afterSeq, limit) => context.store.events.after(afterSeq, { sessionId: info.id }, limit),
      subscribe: (listener) => context.hints.subscribe(info.id, listener),
      isLast: ({ type }) => type === 'ended',
    }
    stream(context, { identity, request, reply, source, afterSeq: lastEventId(request) ?? 0 })
  })
}

function projectEventsRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'followProject',
    summary: 'Follow the events of all sessions that the caller may see',
    description: 'Server-sent events from now on, or after Last-Event-ID.',
    tags: ['events'],
    headers,
    produces: ['text/event-stream'],
  }
  app.get('/v1/events', { schema }, async (request, reply) => {
    const identity = await context.identify(request, 'sessions:read')
    const owner = ownerFilter(identity, undefined)
    const filter = { project: identity.project, ...(owner === undefined ? {} : { owner }) }
    const source: EventSource = {
      read: (afterSeq, limit) => context.store.events.after(afterSeq, filter, limit),
      subscribe: (listener) => context.hints.subscribe('*', listener),
      isLast: () => false,
    }
    const afterSeq = lastEventId(request) ?? (await context.store.events.lastSeq())
    stream(context, { identity, request, reply, source, afterSeq })
  })
}

/** @throws {CodedError} `VALIDATION_FAILED` */
function lastEventId(request: FastifyRequest): number | undefined {
  const header = request.headers['last-event-id']
  if (header === undefined || header === '') return undefined
  const seq = typeof header === 'string' && /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN
  if (Number.isSafeInteger(seq)) return seq
  throw new CodedError('VALIDATION_FAILED', 'The Last-Event-ID is not the id of an event.', {
    details: [{ field: 'last-event-id', problem: 'must be a decimal sequence number' }],
  })
}

function stream(
  { accesses, log }: RoutesContext,
  options: {
    identity: Identity
    request: FastifyRequest
    reply: FastifyReply
    source: EventSource
    afterSeq: number
  },
): void {
  const { identity, request, reply, source, afterSeq } = options
  reply.hijack()
  const response = reply.raw
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) response.setHeader(name, value)
  }
  response.setHeader('x-request-id', request.id)
  response.writeHead(200, EVENT_STREAM_HEADERS)
  const onError = (error: unknown): void =>
    log.warn({ err: error, reqId: request.id }, 'an event stream was cut off')
  const answer = new EventStream({ response, source, afterSeq, onError })
  answer.start()
  endWithAccess(accesses, { identity, response, answer })
}

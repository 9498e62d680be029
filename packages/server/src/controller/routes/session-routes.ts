import {
  type CreateSessionRequest,
  type CreateSessionResponse,
  type CreateTokenRequest,
  type ListSessionsQuery,
  type ListSessionsResponse,
  type Role,
  type SessionInfo,
  type TerminalAccess,
  TOKEN_TTL_SECONDS,
  type UpdateSessionRequest,
} from '@cliscale/sdk/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { findOwned, ownerFilter, ownerOf } from '../access.ts'
import { idempotencyKey } from '../request-digest.ts'
import {
  CreatedSchema,
  CreateSessionBody,
  CreateTokenBody,
  ListSessionsQuerySchema,
  SessionListSchema,
  SessionParams,
  SessionSchema,
  TerminalSchema,
  UpdateSessionBody,
} from '../schemas.ts'
import { terminalUrl } from '../terminal-url.ts'
import type { RoutesContext } from './context.ts'

interface Id {
  readonly Params: { readonly id: string }
}

/** `POST`, `GET`, `PATCH`, `DELETE` of sessions, and their tokens. */
export function sessionRoutes(app: FastifyInstance, context: RoutesContext): void {
  createRoute(app, context)
  listRoute(app, context)
  getRoute(app, context)
  updateRoute(app, context)
  deleteRoute(app, context)
  tokenRoute(app, context)
}

function createRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'createSession',
    summary: 'Start a session',
    tags: ['sessions'],
    body: CreateSessionBody,
    response: { 200: CreatedSchema, 201: CreatedSchema },
  }
  app.post<{ Body: CreateSessionRequest }>('/v1/sessions', { schema }, async (request, reply) => {
    const identity = await context.identify(request, 'sessions:write')
    const { created, session, token } = await context.sessions.create({
      identity,
      owner: ownerOf(identity, request.body.owner),
      body: request.body,
      idempotencyKey: idempotencyKey(request.headers['idempotency-key']),
    })
    const answer: CreateSessionResponse = { session, terminal: access(context, request, session, token) }
    return reply
      .code(created ? 201 : 200)
      .header('location', `/v1/sessions/${session.id}`)
      .send(answer)
  })
}

function listRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'listSessions',
    summary: 'List sessions, newest first',
    tags: ['sessions'],
    querystring: ListSessionsQuerySchema,
    response: { 200: SessionListSchema },
  }
  app.get<{ Querystring: Omit<ListSessionsQuery, 'metadata'> & Record<string, string> }>(
    '/v1/sessions',
    { schema },
    async (request): Promise<ListSessionsResponse> => {
      const identity = await context.identify(request, 'sessions:read')
      const { state, limit, cursor } = request.query
      const owner = ownerFilter(identity, request.query.owner)
      const metadata = metadataFilter(request.query)
      const page = await context.store.sessions.list({
        project: identity.project,
        ...(state === undefined ? {} : { state }),
        ...(owner === undefined ? {} : { owner }),
        ...(metadata === undefined ? {} : { metadata }),
        ...(limit === undefined ? {} : { limit }),
        ...(cursor === undefined ? {} : { cursor }),
      })
      return { sessions: page.sessions.map(({ info }) => info), nextCursor: page.nextCursor }
    },
  )
}

function getRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'getSession',
    summary: 'Get a session',
    tags: ['sessions'],
    params: SessionParams,
    response: { 200: SessionSchema },
  }
  app.get<Id>('/v1/sessions/:id', { schema }, async (request): Promise<SessionInfo> => {
    const identity = await context.identify(request, 'sessions:read')
    return (await findOwned(context.store.sessions, identity, request.params.id)).info
  })
}

function updateRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'updateSession',
    summary: "Change a session's lifetime or metadata",
    tags: ['sessions'],
    params: SessionParams,
    body: UpdateSessionBody,
    response: { 200: SessionSchema },
  }
  app.patch<Id & { Body: UpdateSessionRequest }>(
    '/v1/sessions/:id',
    { schema },
    async (request): Promise<SessionInfo> => {
      const identity = await context.identify(request, 'sessions:write')
      const session = await findOwned(context.store.sessions, identity, request.params.id)
      return context.sessions.update(session, request.body)
    },
  )
}

function deleteRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'endSession',
    summary: 'End a session',
    description: 'Answers at once; the session is `ending`, then `ended`. Ending it again changes nothing.',
    tags: ['sessions'],
    params: SessionParams,
    response: { 200: SessionSchema },
  }
  app.delete<Id>('/v1/sessions/:id', { schema }, async (request): Promise<SessionInfo> => {
    const identity = await context.identify(request, 'sessions:write')
    return context.sessions.end(await findOwned(context.store.sessions, identity, request.params.id))
  })
}

function tokenRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'createToken',
    summary: "Get a one-time token for a session's terminal",
    tags: ['sessions'],
    params: SessionParams,
    body: CreateTokenBody,
    response: { 201: TerminalSchema },
  }
  app.post<Id & { Body: CreateTokenRequest }>(
    '/v1/sessions/:id/tokens',
    { schema },
    async (request, reply) => {
      const identity = await context.identify(request, 'sessions:write')
      const { info } = await findOwned(context.store.sessions, identity, request.params.id)
      // Also for one that has ended: its runner lingers for clients that have not read all, and then the exit is told.
      const { role = 'driver', ttlSeconds = TOKEN_TTL_SECONDS.default } = request.body
      const minted = await context.sessions.mint(identity, info, role, ttlSeconds)
      return reply.code(201).send(access(context, request, info, minted))
    },
  )
}

function access(
  { publicUrl }: RoutesContext,
  request: FastifyRequest,
  { id }: SessionInfo,
  { token, expiresAt, role }: { readonly token: string; readonly expiresAt: Date; readonly role: Role },
): TerminalAccess {
  return { url: terminalUrl(request, id, publicUrl), token, expiresAt: expiresAt.toISOString(), role }
}

/** Fields `metadata[key]` of a query; undefined when there are none. */
function metadataFilter(query: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  const filters = Object.entries(query).flatMap(([name, value]) => {
    const key = /^metadata\[(.+)\]$/s.exec(name)?.[1]
    return key === undefined || typeof value !== 'string' ? [] : [[key, value] as const]
  })
  return filters.length === 0 ? undefined : Object.fromEntries(filters)
}

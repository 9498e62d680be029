import { RECORDING_HEADER, RECORDING_MEDIA_TYPE } from '@cliscale/sdk/protocol'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { findOwned } from '../access.ts'
import { SessionParams } from '../schemas.ts'
import type { RoutesContext } from './context.ts'
import { endWithAccess } from './long-answer.ts'

interface Id {
  readonly Params: { readonly id: string }
}

const PATH = '/v1/sessions/:id/recording'

/** `GET`, `HEAD` and `DELETE` of a session's recording. */
export function recordingRoutes(app: FastifyInstance, context: RoutesContext): void {
  getRoute(app, context)
  headRoute(app, context)
  deleteRoute(app, context)
}

function getRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'getRecording',
    summary: "Get a session's recording",
    description:
      'Asciicast v3. While the session runs the answer holds what is there now, and `x-cliscale-recording` says `open`; afterwards it says `complete`.',
    tags: ['recordings'],
    params: SessionParams,
    response: {
      200: {
        description: 'The recording.',
        headers: {
          [RECORDING_HEADER]: {
            schema: Type.Enum(['open', 'complete']),
            description: 'Whether more follows.',
          },
        },
        content: { [RECORDING_MEDIA_TYPE]: { schema: Type.String() } },
      },
    },
  }
  app.get<Id>(PATH, { schema, exposeHeadRoute: false }, async (request, reply) => {
    const identity = await context.identify(request, 'sessions:read')
    const { info } = await findOwned(context.store.sessions, identity, request.params.id)
    const recording = await context.recordings.open(info)
    const { raw: response } = reply
    const answer = { end: () => response.destroy() }
    endWithAccess(context.accesses, { identity, response, answer })
    return describe(reply, info.id, recording).send(recording.body)
  })
}

function headRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = { params: SessionParams, hide: true }
  app.head<Id>(PATH, { schema }, async (request, reply) => {
    const identity = await context.identify(request, 'sessions:read')
    const { info } = await findOwned(context.store.sessions, identity, request.params.id)
    return describe(reply, info.id, await context.recordings.size(info)).send()
  })
}

function deleteRoute(app: FastifyInstance, context: RoutesContext): void {
  const schema = {
    operationId: 'deleteRecording',
    summary: "Delete a session's recording",
    description:
      'Also while the session runs: it goes on, and what it prints from then on is not kept. Refused where the template demands the recording.',
    tags: ['recordings'],
    params: SessionParams,
    response: { 204: { description: 'Deleted.', type: 'null' } },
  }
  app.delete<Id>(PATH, { schema }, async (request, reply) => {
    const identity = await context.identify(request, 'sessions:write')
    const session = await findOwned(context.store.sessions, identity, request.params.id)
    context.sessions.assertPermitted(session, { kind: 'deleteRecording' })
    await context.recordings.remove(session.info.id)
    return reply.code(204).send()
  })
}

/** What a session prints is anybody's text: it is a file to save, never a page, and in no cache. */
function describe(
  reply: FastifyReply,
  id: string,
  { complete, bytes }: { readonly complete: boolean; readonly bytes: number | null },
): FastifyReply {
  if (bytes !== null) reply.header('content-length', bytes)
  return reply.headers({
    'content-type': RECORDING_MEDIA_TYPE,
    'content-disposition': `attachment; filename="${id}.cast"`,
    'cache-control': 'private, no-store',
    'x-content-type-options': 'nosniff',
    [RECORDING_HEADER]: complete ? 'complete' : 'open',
  })
}

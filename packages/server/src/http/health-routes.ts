import type { HealthResponse } from '@cliscale/sdk/protocol'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { Health } from '../observability/health.ts'

const HealthSchema = Type.Object({
  status: Type.Enum(['ok', 'unavailable']),
  checks: Type.Record(Type.String(), Type.String()),
})

/** `GET /healthz` (would a restart help?) and `GET /readyz` (send traffic here?): 200, or 503 with reasons. */
export function addHealthRoutes(app: FastifyInstance, health: Health): void {
  const kinds = { '/healthz': 'live', '/readyz': 'ready' } as const
  for (const [path, kind] of Object.entries(kinds)) {
    const schema = {
      operationId: kind === 'live' ? 'isAlive' : 'isReady',
      tags: ['health'],
      summary: kind === 'live' ? 'Whether the process works' : 'Whether the server can take traffic',
      security: [],
      response: { 200: HealthSchema, 503: HealthSchema },
    }
    app.get(path, { schema }, async (_request, reply) => {
      const { ok, checks } = await health.report(kind)
      const body: HealthResponse = { status: ok ? 'ok' : 'unavailable', checks }
      return (
        reply
          .code(ok ? 200 : 503)
          .header('cache-control', 'no-store')
          // Pages of any origin may know that the server lives: so they can tell a refusal from an absence.
          .header('access-control-allow-origin', '*')
          .send(body)
      )
    })
  }
}

import { fastify, type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { MAX_HEADER_BYTES } from '@cliscale/sdk/protocol'
import type { Health } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import type { MetricsText } from '../observability/metrics.ts'
import { answerClientError } from './client-error.ts'
import { capConnections } from './connection-cap.ts'
import { addHealthRoutes } from './health-routes.ts'
import { requestIdOf } from './request-id.ts'
import { applyApiManners, sendError } from './scope.ts'

/** Scrapers and probes are few; idle ones make room. */
const CONNECTIONS = { max: 64, maxPerAddress: 64 } as const

/** The internal HTTP server: metrics and probes, for the cluster only. */
export function createInternalApp(options: {
  log: Log
  health: Health
  metrics: MetricsText
}): FastifyInstance {
  const logger: FastifyBaseLogger = options.log
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    http: { requireHostHeader: false, maxHeaderSize: MAX_HEADER_BYTES, shouldUpgradeCallback: () => false },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
    forceCloseConnections: true,
  })
  capConnections(app.server, CONNECTIONS)
  applyApiManners(app)
  addHealthRoutes(app, options.health)
  app.get('/metrics', async (_request, reply) =>
    reply
      .type(options.metrics.contentType)
      .serializer(String)
      .send(await options.metrics.metrics()),
  )
  return app
}

import type { ServerOptions } from 'node:http'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import { MAX_BODY_BYTES, MAX_HEADER_BYTES, RECORDING_HEADER } from '@cliscale/sdk/protocol'
import { fastify, type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Log } from '../observability/log.ts'
import { Clients } from './client.ts'
import { capConnections, type ConnectionLimits } from './connection-cap.ts'
import { answerClientError } from './client-error.ts'
import { CodedError } from './coded-error.ts'
import type { HostCheck } from './host-check.ts'
import { BUSY_RETRY_AFTER_MS } from './limits.ts'
import { requestIdOf } from './request-id.ts'
import { applyApiManners, sendError } from './scope.ts'

/** Longest wait for a request's headers, and for the whole request. */
const ARRIVAL_TIMEOUT_MS = 10_000

/** A connection without a request: longer than most balancers keep theirs. */
const KEEP_ALIVE_MS = 72_000

/** How often Node looks for requests that did not arrive in time. */
const CHECK_EVERY_MS = 1_000

/** What {@link createApp} needs. */
export interface AppOptions {
  readonly log: Log
  readonly hosts: HostCheck
  /** Origins of other pages that may call the API, exactly as browsers send them. */
  readonly allowedOrigins: readonly string[]
  /** True when browsers come by https; adds Strict-Transport-Security. */
  readonly https: boolean
  /** More options of Node's HTTP server, from parts that share it. */
  readonly http?: Pick<ServerOptions, 'highWaterMark' | 'shouldUpgradeCallback'>
  /** Longest wait for a request's headers, and for the whole request. Default 10,000. */
  readonly arrivalTimeoutMs?: number
  /** A connection without a request is closed after so long. Default 72,000: above that of most balancers. */
  readonly keepAliveTimeoutMs?: number
  /** Default: no bound. */
  readonly connections?: ConnectionLimits
  /** Which proxies are believed. Default: none. */
  readonly clients?: Clients
}

/** The public HTTP server: limits, timeouts, security headers, Host and CORS checks, coded errors. */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = options.log
  const arrivalTimeoutMs = options.arrivalTimeoutMs ?? ARRIVAL_TIMEOUT_MS
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: requestIdOf,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: arrivalTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? KEEP_ALIVE_MS,
    http: {
      // Node's own refusal has no body; `assertForm` has.
      requireHostHeader: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: arrivalTimeoutMs,
      requestTimeout: arrivalTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_EVERY_MS, arrivalTimeoutMs),
      // Others are served as if they asked for no upgrade.
      shouldUpgradeCallback: () => false,
      ...options.http,
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply),
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 256 },
  })
  const clients = options.clients ?? new Clients()
  app.decorate('clients', clients)
  applyApiManners(app)
  if (options.connections !== undefined) boundConnections(app, options.connections, clients)
  app.addHook('onRequest', async (request) => options.hosts.assert(clients.of(request.raw).host))
  await app.register(helmet, securityHeaders(options.https))
  await app.register(cors, {
    origin: [...options.allowedOrigins],
    methods: ['GET', 'POST', 'PATCH', 'DELETE'],
    exposedHeaders: ['date', 'retry-after', 'x-request-id', 'location', RECORDING_HEADER],
    maxAge: 600,
    // Any OPTIONS is answered, also one of no browser.
    strictPreflight: false,
  })
  app.addHook('onResponse', async (request, reply) => {
    const { method, url } = request
    const ms = Math.round(reply.elapsedTime * 10) / 10
    const { address } = clients.of(request.raw)
    request.log.debug({ method, path: url.split('?')[0], status: reply.statusCode, ms, address }, 'Answered')
  })
  return app
}

function boundConnections(app: FastifyInstance, limits: ConnectionLimits, clients: Clients): void {
  const cap = capConnections(app.server, limits, clients)
  app.addHook('onRequest', async (request, reply) => {
    if (cap.admit(request.raw, reply.raw)) return
    throw new CodedError('OVERLOADED', 'Too many requests of this client are under way; try again.', {
      retryAfterMs: BUSY_RETRY_AFTER_MS,
    })
  })
}

/** Nothing may run or style a page that the server did not send as a file; the terminal draws by adopted style sheets. */
function securityHeaders(https: boolean): object {
  return {
    strictTransportSecurity: https,
    crossOriginResourcePolicy: { policy: 'cross-origin' },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        // The console's player of recordings is WebAssembly; this allows that and no eval().
        'script-src': ["'self'", "'wasm-unsafe-eval'"],
        'style-src': ["'self'"],
        'img-src': ["'self'", 'data:'],
        'font-src': ["'self'"],
        'connect-src': ["'self'"],
        'manifest-src': ["'self'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
  }
}

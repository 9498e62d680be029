import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { type Scope, SCOPES, type IdentityVerifier } from '../auth/identity.ts'
import type { Config } from '../config/config.ts'
import { parseValues } from '../config/parse.ts'
import { addHealthRoutes } from '../http/health-routes.ts'
import { applyApiManners } from '../http/scope.ts'
import { createLog, type Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { addControllerRoutes, type Core, openCore } from './core.ts'
import { mountTerminals } from './mount.ts'

/** What another app's server decides itself. */
type OwnServerOption =
  | 'host'
  | 'port'
  | 'internalHost'
  | 'internalPort'
  | 'allowedHosts'
  | 'ignoreHangup'
  | 'insecureHttp'
  | 'logFormat'
  | 'logLevel'
  | 'maxHttpConnections'
  | 'maxHttpConnectionsPerAddress'
  | 'keepAliveSeconds'
  | 'requestTimeoutSeconds'
  | 'verifiersModule'

/**
 * Options of {@link cliscale}: those of the command that say something about sessions and terminals, by the names of
 * the reference page in camel case, and what belongs to mounting. Environment variables are not read.
 */
export type CliscaleOptions = {
  readonly [Name in Exclude<keyof Config, OwnServerOption>]?: Config[Name] | undefined
} & {
  /** Path below which the API is mounted. Default: none. */
  readonly prefix?: string
  /** Ways of knowing a caller, such as the app's own sign-in; asked before API keys. */
  readonly verifiers?: readonly IdentityVerifier[] | undefined
}

/** What the plugin gives to the app as `app.cliscale`. */
export interface CliscaleHandle {
  /** Makes an API key for the mounted API. Default scopes: all. */
  createApiKey(name: string, scopes?: readonly Scope[]): Promise<string>
  /** Metrics, for the app's own `/metrics`. */
  readonly metrics: Metrics
}

declare module 'fastify' {
  interface FastifyInstance {
    /** There once the plugin {@link cliscale} is registered. */
    cliscale: CliscaleHandle
  }
}

const plugin: FastifyPluginAsync<CliscaleOptions> = async (app, { prefix = '', verifiers, ...values }) => {
  const config = parseValues(values)
  const log = logInto(app)
  const core = await openCore({ config, log, anyHost: true, ...(verifiers ? { verifiers } : {}) })
  app.addHook('onClose', () => core[Symbol.asyncDispose]())
  app.decorate('cliscale', {
    createApiKey: (name: string, scopes: readonly Scope[] = SCOPES) => core.createApiKey(name, scopes),
    metrics: core.metrics,
  })
  await app.register(async (scope) => mount(scope, core), { prefix })
}

/**
 * Cliscale as a plugin of a Fastify app: sessions, tokens and terminals below `prefix`, on the app's own server. The
 * app keeps its error handler, schemas and hooks; `app.close()` drains the terminals.
 */
export const cliscale: FastifyPluginAsync<CliscaleOptions> = fastifyPlugin(plugin, {
  name: 'cliscale',
  fastify: '5.x',
})

function mount(scope: FastifyInstance, core: Core): void {
  applyApiManners(scope, { notFound: scope.prefix !== '' })
  addHealthRoutes(scope, core.health)
  addControllerRoutes(scope, core)
  if (core.gateway === null) return
  const terminals = mountTerminals(scope, core.gateway, scope.prefix)
  scope.addHook('preClose', async () => {
    core.health.drain()
    await terminals.drain({ windowMs: core.config.drainSeconds * 1_000 })
    terminals.close()
  })
}

/** Our lines in the app's log, at its level, after our redactor. */
function logInto(app: FastifyInstance): Log {
  const write = (line: string): void => {
    const { level, time: _time, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
    const method = LEVELS.find((name) => name === level) ?? 'info'
    app.log[method](fields, typeof msg === 'string' ? msg : '')
  }
  const level = LEVELS.find((name) => name === app.log.level) ?? 'info'
  return createLog({ level, destination: { write } })
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const

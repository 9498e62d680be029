import { createApiKey } from '../auth/api-keys.ts'
import type { IdentityVerifier, Scope } from '../auth/identity.ts'
import { addConsoleLoginRoutes, addJwksRoute } from '../auth/routes.ts'
import { RunnerSecret } from '../auth/runner-secret.ts'
import type { Config } from '../config/config.ts'
import type { GatewayOptions } from '../gateway/gateway.ts'
import { Health } from '../observability/health.ts'
import type { Log } from '../observability/log.ts'
import { createMetrics, type Metrics } from '../observability/metrics.ts'
import type { ControllerOverrides, ControllerRole, RoleOptions } from './controller-role.ts'
import { type DataPaths, prepareDataFolder } from './data-folder.ts'
import { gatewayOptions, type GatewayOverrides } from './gateway-role.ts'
import { databaseMetrics, poolWaitMetrics } from './metrics.ts'
import { assertKeyIsThere, tellRunnerAccess, watchRunnerAccess } from './runner-access.ts'
import { DEFAULT_PROJECT, openStorage, type Storage } from './storage.ts'
import type { FastifyInstance } from 'fastify'

/** What {@link openCore} needs. */
export interface CoreOptions {
  readonly config: Config
  readonly log: Log
  /** Gives the start up. */
  readonly signal?: AbortSignal
  /** Ways of knowing a caller, asked before API keys and the console's cookie. */
  readonly verifiers?: readonly IdentityVerifier[]
  /** True where another app judges the Host header. */
  readonly anyHost?: boolean
  readonly overrides?: ControllerOverrides
  readonly gatewayOverrides?: GatewayOverrides
  /** Connections to the database that other processes of this server make. Default 0. */
  readonly moreConnections?: number
}

/** All that a process has for its mode, without an HTTP server. */
export interface Core extends AsyncDisposable {
  readonly config: Config
  readonly paths: DataPaths
  readonly log: Log
  readonly metrics: Metrics
  readonly health: Health
  readonly storage: Storage
  /** Null in mode `gateway`. */
  readonly controller: ControllerRole | null
  /** Null in mode `controller`. */
  readonly gateway: GatewayOptions | null
  /** Makes an API key; the text is to be had this once. */
  createApiKey(name: string, scopes: readonly Scope[]): Promise<string>
}

/** Opens storage, keys and roles of the configured mode. @throws {StartError}, {KeyFileError} */
export async function openCore(options: CoreOptions): Promise<Core> {
  const { config, log } = options
  await using stack = new AsyncDisposableStack()
  const paths = await prepareDataFolder(config.dataDir)
  // First, because a mistake in a file of the operator's must not cost a start of the database.
  const startController = config.mode === 'gateway' ? null : await prepareController(config)
  const metrics = createMetrics()
  const waits = config.mode === 'controller' ? {} : { onWaited: poolWaitMetrics(metrics) }
  const health = new Health({
    onError: (name, error) => log.warn({ err: error, check: name }, 'A health check failed'),
  })
  const storage = stack.use(await openStorage({ ...options, ...waits, health }))
  databaseMetrics(metrics, () => storage.database.pool)
  const shared = { config, paths, store: storage.store }
  if (config.mode === 'gateway') await assertKeyIsThere(shared)
  const runnerSecret = await RunnerSecret.fromFile(paths.runnerKey)
  const access = { ...shared, runnerSecret }
  if (config.mode === 'gateway') await watchRunnerAccess(access, health)
  else await tellRunnerAccess(access, options.overrides?.driver !== undefined)
  const role = { ...options, paths, storage, runnerSecret, metrics }
  const controller = startController === null ? null : stack.use(await startController(role))
  const gateway = config.mode === 'controller' ? null : gatewayOptions({ ...role, health })
  const all = stack.move()
  return {
    config,
    paths,
    log,
    metrics,
    health,
    storage,
    controller,
    gateway,
    createApiKey: async (name, scopes) =>
      (await createApiKey(storage.store.apiKeys, { project: DEFAULT_PROJECT, name, scopes })).secret,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Loaded only where it is needed: a gateway has neither driver nor signing keys in its memory. */
async function prepareController(config: Config): Promise<(options: RoleOptions) => Promise<ControllerRole>> {
  const { readTemplates, startController } = await import('./controller-role.ts')
  const templates = await readTemplates(config)
  return (options) => startController(options, templates)
}

/** Adds the controller's part of the REST API to a scope that has the API's manners. */
export function addControllerRoutes(app: FastifyInstance, core: Core): void {
  const { controller, storage } = core
  if (controller === null) return
  controller.controller.routes(app)
  addJwksRoute(app, storage.store.signingKeys)
  addConsoleLoginRoutes(app, controller.doors.logins)
}

import { join } from 'node:path'
import { fastify, type FastifyInstance } from 'fastify'
import { ApiKeyVerifier } from '../../src/auth/api-keys.ts'
import { Authenticator, requireScope } from '../../src/auth/authenticate.ts'
import { FileSigner } from '../../src/auth/file-signer.ts'
import type { IdentityVerifier } from '../../src/auth/identity.ts'
import { KeyRing } from '../../src/auth/key-ring.ts'
import { RunnerSecret } from '../../src/auth/runner-secret.ts'
import { Sealer } from '../../src/auth/sealer.ts'
import { TokenIssuer } from '../../src/auth/session-tokens.ts'
import { type Controller, type ControllerOptions, createController } from '../../src/controller/controller.ts'
import { shellTemplate } from '../../src/controller/templates/load.ts'
import { LocalStorage } from '../../src/recordings/local-storage.ts'
import type { Driver } from '../../src/drivers/driver.ts'
import { createProcessDriver } from '../../src/drivers/process/process-driver.ts'
import { applyApiManners } from '../../src/http/scope.ts'
import { createLog } from '../../src/observability/log.ts'
import type { Database } from '../../src/store/database.ts'
import { listenForEvents } from '../../src/store/listen.ts'
import { createStore, type Store } from '../../src/store/store.ts'

/** What a test may want to be different. */
export type ControllerChanges = Partial<
  Pick<
    ControllerOptions,
    | 'templates'
    | 'publicUrl'
    | 'spareRunners'
    | 'maxSessions'
    | 'limits'
    | 'maxLifetimeSeconds'
    | 'startTimeoutSeconds'
    | 'keepEndedSeconds'
    | 'lingerMs'
    | 'driver'
  >
>

/** A controller behind its own HTTP server. */
export interface ControllerApp {
  readonly url: string
  readonly controller: Controller
  readonly driver: Driver
  readonly store: Store
  readonly app: FastifyInstance
  close(): Promise<void>
}

/** Lets a test be an end user of the project `p1`: `Authorization: User <name>`. */
const testUser: IdentityVerifier = {
  verify: async ({ headers }) => {
    const subject = /^User (\S+)$/.exec(headers.authorization ?? '')?.[1]
    if (subject === undefined) return null
    return {
      subject,
      project: 'p1',
      actsForOthers: false,
      ambient: false,
      scopes: ['sessions:read', 'sessions:write'],
    }
  },
}

/** Starts a real controller, with real keys in `dataFolder`, on a free port. */
export async function startControllerApp(
  database: Database,
  dataFolder: string,
  changes: ControllerChanges = {},
): Promise<ControllerApp> {
  const log = createLog({ level: (process.env.TEST_LOG_LEVEL as 'info' | undefined) ?? 'silent' })
  const store = createStore(database)
  const keys = join(dataFolder, 'keys')
  const ring = new KeyRing({ store: store.signingKeys, signer: new FileSigner(join(keys, 'signing')), log })
  await ring.start()
  const hints = listenForEvents({ connectionString: database.connectionString, log })
  const driver = changes.driver ?? (await createProcessDriver({ dataFolder, log }))
  const authenticator = new Authenticator([testUser, new ApiKeyVerifier(store.apiKeys)])
  const controller = createController({
    store,
    driver,
    log,
    hints,
    templates: new Map([['shell', shellTemplate()]]),
    spareRunners: 0,
    runnerSecret: await RunnerSecret.fromFile(join(keys, 'runner.key')),
    sealer: await Sealer.fromFile(join(keys, 'seal.key')),
    tokens: new TokenIssuer({ keys: ring, issuer: 'cliscale' }),
    lingerMs: 0,
    recordings: {
      storage: new LocalStorage(join(dataFolder, 'recordings', 'stored')),
      spoolFolder: join(dataFolder, 'recordings', 'spool'),
    },
    identify: async (request, scope) => {
      const identity = await authenticator.authenticate(request)
      requireScope(identity, scope)
      return identity
    },
    ...changes,
  })
  const app = fastify({ forceCloseConnections: true })
  applyApiManners(app)
  controller.routes(app)
  await controller.start()
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const close = async (): Promise<void> => {
    await app.close()
    await controller.close()
    await driver.close()
    await hints.close()
    await ring.close()
  }
  return { url, controller, driver, store, app, close }
}

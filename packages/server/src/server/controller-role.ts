import { FileSigner } from '../auth/file-signer.ts'
import type { IdentityVerifier } from '../auth/identity.ts'
import { KeyRing } from '../auth/key-ring.ts'
import type { RunnerSecret } from '../auth/runner-secret.ts'
import { Sealer } from '../auth/sealer.ts'
import { DEFAULT_ISSUER, TokenIssuer } from '../auth/session-tokens.ts'
import { mustIsolate } from '../config/checks.ts'
import type { Config } from '../config/config.ts'
import { sessionBounds } from '../config/session-bounds.ts'
import { readUidRange } from '../config/uid-range.ts'
import { type Controller, type ControllerOptions, createController } from '../controller/controller.ts'
import { loadTemplates, TemplatesFileError } from '../controller/templates/load.ts'
import type { Template } from '../controller/templates/template.ts'
import { openRecordingStorage } from '../recordings/open-storage.ts'
import type { Driver } from '../drivers/driver.ts'
import { createProcessDriver } from '../drivers/process/process-driver.ts'
import { CodedError } from '../http/coded-error.ts'
import type { Log } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type DataPaths, StartError } from './data-folder.ts'
import { type Doors, openDoors } from './identity.ts'
import { fleetMetrics } from './fleet-metrics.ts'
import { controllerMetrics } from './metrics.ts'
import type { Storage } from './storage.ts'
import { loadVerifiers } from './verifiers-module.ts'

/** Largest count that the database's type holds. */
const NO_LIMIT = 2_147_483_647

/** Sessions, tokens and drivers of one process. */
export interface ControllerRole extends AsyncDisposable {
  readonly controller: Controller
  readonly doors: Doors
}

/** What a controller may have otherwise than the configuration can say; `driver` instead of the process driver. */
export type ControllerOverrides = Partial<Pick<ControllerOptions, 'driver' | 'limits' | 'lingerMs'>>

/** What a role is made of. */
export interface RoleOptions {
  readonly config: Config
  readonly paths: DataPaths
  readonly storage: Storage
  readonly runnerSecret: RunnerSecret
  readonly log: Log
  readonly metrics: Metrics
  readonly verifiers?: readonly IdentityVerifier[]
  /** True where another app judges the Host header. */
  readonly anyHost?: boolean
  readonly overrides?: ControllerOverrides
}

/** What clients may start. @throws {StartError} */
export async function readTemplates(config: Config): Promise<ReadonlyMap<string, Template>> {
  return await asStartError(
    loadTemplates(config.templates, {
      lifetimeSeconds: config.defaultLifetimeSeconds,
      idleTimeoutSeconds: config.defaultIdleTimeoutSeconds,
      bounds: sessionBounds(config),
    }),
  )
}

/** Puts the controller together and starts it. @throws {StartError}, {KeyFileError} */
export async function startController(
  options: RoleOptions,
  templates: ReadonlyMap<string, Template>,
): Promise<ControllerRole> {
  const { config, log, metrics, paths, runnerSecret, storage } = options
  const { store, hints } = storage
  await using stack = new AsyncDisposableStack()
  const sealer = await Sealer.fromFile(paths.sealKey)
  const keys = new KeyRing({ store: store.signingKeys, signer: new FileSigner(paths.signingKeys), log })
  stack.defer(() => keys.close())
  await keys.start()
  const driver = options.overrides?.driver ?? (await openDriver(options))
  stack.defer(() => driver.close())
  const doors = openDoors({
    store,
    https: config.publicUrl?.startsWith('https:') ?? false,
    verifiers: [...(options.verifiers ?? []), ...(await loadVerifiers(config.verifiersModule))],
  })
  const recordings = openRecordingStorage(config)
  stack.defer(() => recordings.close())
  // A storage that is away must not keep the server from starting; but its mistakes are better told now than later.
  void recordings.check().catch((error: unknown) => {
    log.error({ err: error }, 'The storage of recordings cannot be used; finished recordings wait for it')
  })
  const controller = createController({
    store,
    driver,
    runnerSecret,
    sealer,
    log,
    hints,
    templates,
    tokens: new TokenIssuer({ keys, issuer: config.publicUrl ?? DEFAULT_ISSUER }),
    identify: doors.identify,
    recordings: {
      storage: recordings,
      spoolFolder: paths.recordingSpool,
      maxBytes: config.recordingMaxBytes,
      keepSeconds: config.recordingRetentionSeconds,
    },
    ...(config.publicUrl === null ? {} : { publicUrl: config.publicUrl }),
    spareRunners: config.spareRunners,
    maxSessions: config.maxSessions,
    maxLifetimeSeconds: config.maxLifetimeSeconds,
    startTimeoutSeconds: config.startTimeoutSeconds,
    keepEndedSeconds: config.keepEndedSeconds,
    lingerMs: config.lingerSeconds * 1_000,
    limits: {
      perOwner: config.maxSessionsPerOwner || NO_LIMIT,
      perProject: config.maxSessionsPerProject || NO_LIMIT,
    },
    ...options.overrides,
  })
  stack.defer(() => controller.close())
  controllerMetrics(metrics, () => controller.state)
  fleetMetrics(metrics, controller.state.fleet)
  await controller.start()
  const all = stack.move()
  return { controller, doors, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

async function openDriver({ config, log }: RoleOptions): Promise<Driver> {
  const driver = createProcessDriver({
    dataFolder: config.dataDir,
    isolation: config.isolation,
    mustIsolate: mustIsolate(config),
    shownPaths: config.sessionPaths,
    limits: sessionBounds(config),
    sessionUids: config.sessionUids === null ? null : readUidRange(config.sessionUids),
    bundleHttpHosts: config.bundleHttpHosts,
    bundlePrivateNetworks: config.bundlePrivateNetworks,
    log,
  })
  return asStartError(driver)
}

/** What a person can put right is a sentence, not a stack. */
async function asStartError<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof TemplatesFileError || error instanceof CodedError)
      throw new StartError(error.message, { cause: error })
    throw error
  }
}

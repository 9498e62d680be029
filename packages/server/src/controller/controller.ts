import { RECORDING_BYTES } from '@cliscale/sdk/protocol'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { AccessWatch } from '../auth/access-watch.ts'
import type { Identity, Scope } from '../auth/identity.ts'
import type { TokenIssuer } from '../auth/session-tokens.ts'
import type { EventHints } from '../store/listen.ts'
import { Actions } from './actions.ts'
import { Capacity } from './capacity.ts'
import { Ender } from './ender.ts'
import { Finisher } from './finisher.ts'
import type { FleetFigures } from './fleet-figures.ts'
import { Launcher } from './launcher.ts'
import type { Parts } from './parts.ts'
import type { RecordingStorage } from '../recordings/storage.ts'
import { type KeeperFigures, RecordingKeeper } from './recordings/keeper.ts'
import { RecordingLibrary } from './recordings/library.ts'
import { Spool } from './recordings/spool.ts'
import { Queue } from './queue.ts'
import { Reconciler } from './reconciler.ts'
import type { RoutesContext } from './routes/context.ts'
import type { LongAnswer } from './routes/long-answer.ts'
import { eventRoutes } from './routes/event-routes.ts'
import { recordingRoutes } from './routes/recording-routes.ts'
import { sessionRoutes } from './routes/session-routes.ts'
import { templateRoutes } from './routes/template-routes.ts'
import { Sessions } from './sessions.ts'
import { Spares } from './spares.ts'
import { Starter } from './starter.ts'
import type { Template } from './templates/template.ts'
import { Watcher } from './watcher.ts'

/** Where recordings go. */
export interface RecordingsOptions {
  readonly storage: RecordingStorage
  /** Private folder for recordings on their way, absolute. */
  readonly spoolFolder: string
  /** Limit of one recording. Default 64 MiB. */
  readonly maxBytes?: number
  /** How long a finished one is kept, in seconds. Default 30 days. */
  readonly keepSeconds?: number
}

/** Options of {@link createController}. */
export interface ControllerOptions extends Parts {
  readonly hints: EventHints
  readonly tokens: TokenIssuer
  /** From `loadTemplates`. */
  readonly templates: ReadonlyMap<string, Template>
  /** Who calls, once it is allowed to do this. @throws {CodedError} `UNAUTHENTICATED`, `FORBIDDEN` and their kin */
  readonly identify: (request: FastifyRequest, scope: Scope) => Promise<Identity>
  readonly recordings: RecordingsOptions
  /** The server's address for clients. Default: the address at which each request came. */
  readonly publicUrl?: string
  /** Blank runners kept waiting. Default 2. */
  readonly spareRunners?: number
  /** Most sessions at work at once. Default: no limit. */
  readonly maxSessions?: number
  /** Most live sessions of one owner and one project. Default: no limit. */
  readonly limits?: { readonly perOwner: number; readonly perProject: number }
  /** Longest life of a session, in seconds. Default 86,400. */
  readonly maxLifetimeSeconds?: number
  /** A session whose command does not run after so long fails, in seconds. Default 300. */
  readonly startTimeoutSeconds?: number
  /** How long an ended session and its events stay, in seconds. Default a week. */
  readonly keepEndedSeconds?: number
  /** How long a runner stays after its command's end for clients that have not read all, in milliseconds. Default 30,000. */
  readonly lingerMs?: number
}

/** Figures of a controller, for metrics. */
export interface ControllerState {
  /** Sessions that have a place. */
  readonly active: number
  /** Sessions that waited when the queue was looked at last. */
  readonly queued: number
  /** Sessions on their way to a runner. */
  readonly starting: number
  /** Runners whose events are followed, blank ones included. */
  readonly runners: number
  readonly recordings: KeeperFigures
  /** What those runners count. */
  readonly fleet: FleetFigures
}

/** Sessions from their creation to their end. */
export interface Controller {
  /** Adds the routes to a scope that has the API's manners (`applyApiManners`). */
  routes(app: FastifyInstance): void
  /** Takes up what an earlier life left, then keeps order. Resolves after the first round, or when it could not be done yet. */
  start(): Promise<void>
  readonly state: ControllerState
  /** Stops working. Sessions and runners go on. Safe to call twice. */
  close(): Promise<void>
}

const DEFAULT_LINGER_MS = 30_000

/** A runner that lingers ends by itself; after this time more it is ended. */
const LINGER_SLACK_MS = 10_000

/** Puts a controller together. */
export function createController(options: ControllerOptions): Controller {
  const spareRunners = options.spareRunners ?? 2
  const lingerMs = options.lingerMs ?? DEFAULT_LINGER_MS
  const recordingMaxBytes = options.recordings.maxBytes ?? RECORDING_BYTES.default
  const workers = createWorkers(options, { spareRunners, lingerMs, recordingMaxBytes })
  const { storage, spoolFolder, keepSeconds = 2_592_000 } = options.recordings
  const kept = { parts: options, storage, spool: new Spool(spoolFolder), maxBytes: recordingMaxBytes }
  const library = new RecordingLibrary(kept)
  const { capacity, launcher, watcher, starter, queue, spares } = workers
  const actions = new Actions({
    ...workers,
    parts: options,
    startTimeoutMs: (options.startTimeoutSeconds ?? 300) * 1_000,
  })
  const reconciler = new Reconciler({
    ...workers,
    parts: options,
    hints: options.hints,
    actions,
    policy: {
      spareRunners,
      maxRunners: (options.maxSessions ?? Infinity) + spareRunners,
      lingerTimeoutMs: lingerMs + LINGER_SLACK_MS,
    },
    keepEndedMs: (options.keepEndedSeconds ?? 604_800) * 1_000,
    library,
    keepRecordingsMs: keepSeconds * 1_000,
  })
  const keeper = new RecordingKeeper({ ...kept, leads: () => reconciler.leads })
  workers.onEnded.push(() => keeper.lookSoon())
  const accesses = new AccessWatch<LongAnswer>({
    store: options.store.apiKeys,
    hints: options.hints,
    over: (answer) => answer.end(),
    log: options.log,
  })
  return {
    routes: (app) => addRoutes(app, options, { ...workers, library, accesses }),
    start: async () => {
      await reconciler.start()
      keeper.start()
    },
    get state(): ControllerState {
      return {
        active: capacity.taken,
        queued: queue.waiting,
        starting: starter.busy,
        runners: watcher.size,
        recordings: keeper.figures,
        fleet: watcher.figures,
      }
    },
    close: async () => {
      accesses.close()
      launcher.close()
      await keeper.close()
      await Promise.all([reconciler.close(), queue.close(), spares.close()])
      await starter.close()
      await watcher.close()
    },
  }
}

interface Workers {
  readonly capacity: Capacity
  readonly launcher: Launcher
  readonly watcher: Watcher
  readonly starter: Starter
  readonly queue: Queue
  readonly spares: Spares
  readonly ender: Ender
  readonly finisher: Finisher
  /** Called with each session whose end is written. */
  readonly onEnded: ((sessionId: string) => void)[]
}

/** The parts that do the work know each other through small callbacks only. */
function createWorkers(
  options: ControllerOptions,
  {
    spareRunners,
    lingerMs,
    recordingMaxBytes,
  }: { readonly spareRunners: number; readonly lingerMs: number; readonly recordingMaxBytes: number },
): Workers {
  const parts: Parts = options
  const capacity: Capacity = new Capacity(options.maxSessions ?? Infinity, () => {
    if (queue.waiting > 0) queue.look()
  })
  const onEnded = [(sessionId: string): void => capacity.release(sessionId)]
  const launcher = new Launcher(parts)
  const ended = (sessionId: string): void => {
    for (const listener of onEnded) listener(sessionId)
  }
  const finisher = new Finisher(parts, ended)
  const watcher: Watcher = new Watcher(parts, finisher, {
    onEnded: ended,
    onGone: () => spares.refillSoon(),
  })
  const onQueued = (): void => queue.look()
  const starter: Starter = new Starter({
    parts,
    capacity,
    finisher,
    launcher,
    watcher,
    lingerMs,
    recordingMaxBytes,
    onQueued,
  })
  const queue: Queue = new Queue(parts, capacity, starter)
  const isBusy = (): boolean => starter.busy > 0
  const spares: Spares = new Spares({ parts, launcher, watcher, wanted: spareRunners, isBusy })
  const ender = new Ender(parts, finisher, watcher)
  return { capacity, launcher, watcher, starter, queue, spares, ender, finisher, onEnded }
}

function addRoutes(
  app: FastifyInstance,
  options: ControllerOptions,
  {
    library,
    accesses,
    ...workers
  }: Workers & { readonly library: RecordingLibrary; readonly accesses: AccessWatch<LongAnswer> },
): void {
  const sessions = new Sessions({
    ...workers,
    parts: options,
    tokens: options.tokens,
    templates: options.templates,
    maxLifetimeSeconds: options.maxLifetimeSeconds ?? 86_400,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  })
  const { publicUrl } = options
  const context: RoutesContext = { ...options, sessions, accesses, recordings: library, publicUrl }
  sessionRoutes(app, context)
  recordingRoutes(app, context)
  eventRoutes(app, context)
  templateRoutes(app, context)
}
